import { InputError } from "../errors.ts";

/** What is known of an adapter before a device is made. */
export interface AdapterFacts {
  /** The adapter's name, such as "llvmpipe (LLVM 15.0.6, 256 bits)". */
  readonly name: string;
  /** Vendor number, as WebGPU gives it. */
  readonly vendor: string;
  /** Device number, as WebGPU gives it. */
  readonly device: string;
  /** The adapter computes on the processor: kernels take the shapes that suit it. */
  readonly software: boolean;
  /** Optional features the adapter has. */
  readonly features: readonly string[];
  /** Every limit of the adapter by name. */
  readonly limits: Readonly<Record<string, number>>;
}

/** The line that installs a software adapter on Debian and Ubuntu. */
export const INSTALL_DRIVER = "apt-get install mesa-vulkan-drivers libvulkan1";

/**
 * The adapter WebGPU offers, asking for the fast one.
 *
 * @throws {InputError} if there is none, saying what to install.
 */
export async function requestAdapter(): Promise<GPUAdapter> {
  const gpu: GPU | undefined = navigator.gpu;
  const adapter = await gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) {
    throw new InputError(
      `Cannot start WebGPU: expected a Vulkan, Metal or DirectX 12 adapter, found none; install your GPU's driver, ` +
        `or a software adapter: ${INSTALL_DRIVER}`,
    );
  }
  return adapter;
}

/** The facts of an adapter as plain data. */
export function describeAdapter(adapter: GPUAdapter): AdapterFacts {
  const info = adapter.info as GPUAdapterInfo & { isFallbackAdapter?: boolean };
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = (adapter.limits as unknown as Record<string, unknown>)[name];
    if (typeof value === "number") limits[name] = value;
  }
  return {
    name: info.description || `${info.vendor} ${info.architecture}`.trim() || "unnamed adapter",
    vendor: info.vendor,
    device: info.device,
    software: info.isFallbackAdapter === true || /llvmpipe|swiftshader|lavapipe/i.test(info.description),
    features: [...adapter.features].sort(),
    limits,
  };
}

/** Whether kernels read through textures on an adapter: see {@linkcode textureReads}. So far known to be faster on Mesa's software adapter. */
export function readsThroughTextures({ name }: AdapterFacts): boolean {
  return /llvmpipe/i.test(name);
}
