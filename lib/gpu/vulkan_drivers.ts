/** A Vulkan driver that is installed: its manifest, and the library it names. */
export interface VulkanDriver {
  /** The manifest's path. */
  readonly manifest: string;
  /** The driver's library, as the manifest names it. */
  readonly library: string;
  /** Version of Vulkan it speaks. */
  readonly apiVersion: string;
}

/** Folders in which the Vulkan loader looks, on Linux. */
const FOLDERS = ["/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/usr/share/vulkan/icd.d"];

/** A manifest is a few hundred bytes. */
const MAX_BYTES = 2 ** 16;

/**
 * The Vulkan drivers the loader would look at, by their manifests; empty on other systems than Linux. WebGPU does not tell the
 * driver of its adapter: this list says which there are.
 *
 * `env` reads an environment variable; VK_DRIVER_FILES or VK_ICD_FILENAMES take the place of the folders.
 */
export function vulkanDrivers(env: (name: string) => string | undefined = Deno.env.get): VulkanDriver[] {
  if (Deno.build.os !== "linux") return [];
  const named = env("VK_DRIVER_FILES") || env("VK_ICD_FILENAMES");
  const manifests = named ? named.split(":") : FOLDERS.flatMap(manifestsIn);
  return manifests.flatMap((manifest) => {
    try {
      if (Deno.statSync(manifest).size > MAX_BYTES) return [];
      const { ICD } = JSON.parse(Deno.readTextFileSync(manifest));
      return [{ manifest, library: String(ICD.library_path), apiVersion: String(ICD.api_version) }];
    } catch {
      return []; // a manifest that cannot be read names no driver
    }
  });
}

function manifestsIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`).filter((path) => path.endsWith(".json"))
      .sort();
  } catch {
    return [];
  }
}
