import { createCodec } from "../lib/data/image_codec.ts";
import { ImageDecoder } from "../lib/data/image_decoder.ts";
import { InputError } from "../lib/errors.ts";
import type { AdapterFacts } from "../lib/gpu/adapter.ts";
import { type KernelCheck, selfTest } from "../lib/gpu/self_test.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { type VulkanDriver, vulkanDrivers } from "../lib/gpu/vulkan_drivers.ts";

/** What was found of the GPU. */
export interface GpuFinding {
  /** Undefined where there is none. */
  adapter?: AdapterFacts;
  /** Features and limits of the device that runs use. */
  device?: { features: string[]; limits: Record<string, number> };
  /** Vulkan drivers installed. */
  drivers: VulkanDriver[];
  /** Seed of the self-test. */
  seed: number;
  /** The self-test. */
  kernels: KernelCheck[];
  /** One line each. */
  problems: string[];
}

/** What was found of the image codec. */
export interface CodecFinding {
  /** The JPEG library in use, by the workers that decode. */
  name?: string;
  /** How to have a faster one. */
  hint?: string;
  problems: string[];
}

/** Limits of a device that decide what fits on it. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/** Starts the device and runs every kernel. */
export async function examineGpu(
  seed: number,
  { onAdapter, onCase }: { onAdapter: (found: GpuFinding) => void; onCase: (checks: KernelCheck[]) => void },
): Promise<GpuFinding> {
  const found: GpuFinding = { drivers: vulkanDrivers(), seed, kernels: [], problems: [] };
  let gpu;
  try {
    gpu = await startWebGPU();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...found, problems: [error.message] };
  }
  found.adapter = gpu.adapter;
  found.device = {
    features: [...gpu.device.features].sort(),
    limits: Object.fromEntries(LIMITS.map((name) => [name, gpu.device.limits[name]])),
  };
  onAdapter(found);
  // The outputs of a case come one after the other.
  let current: KernelCheck[] = [];
  const report = (check: KernelCheck) => {
    if (current.length > 0 && current[0].name !== check.name) {
      onCase(current);
      current = [];
    }
    current.push(check);
  };
  found.kernels = await selfTest(gpu, { seed, report });
  if (current.length > 0) onCase(current);
  const wrong = found.kernels.filter(({ ok }) => !ok);
  if (wrong.length > 0) {
    found.problems.push(
      `${wrong.length} of ${found.kernels.length} results of kernels are wrong on ${gpu.adapter.name}, seed ${seed}; ` +
        `update the driver, or report this with the output of doctor --json`,
    );
  }
  return found;
}

/** Decodes an image in a worker, as a run does. */
export async function examineCodec(): Promise<CodecFinding> {
  try {
    using codec = await createCodec();
    using decoder = new ImageDecoder({ imageSize: 16, workers: 1 });
    const bytes = codec.encodeJpeg({ width: 16, height: 16, pixels: new Uint8Array(16 * 16 * 3).fill(200) });
    const [{ pixels, error }] = await decoder.decode([{ kind: "bytes", bytes }]);
    const name = await decoder.codec;
    const problems: string[] = [];
    if (error !== undefined) problems.push(`Cannot decode an image that was just encoded: ${error}`);
    else if (!pixels?.every((value) => Math.abs(value - 200) <= 2)) {
      problems.push(`${name} decodes an image of one grey to other values`);
    }
    const hint = /turbo/i.test(name) && !/wasm/i.test(name)
      ? undefined
      : "Debian's libturbojpeg0 and --allow-ffi would make decoding four times faster";
    return { name, hint, problems };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problems: [error.message] };
  }
}
