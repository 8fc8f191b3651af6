import { vulkanDrivers } from "../../lib/gpu/vulkan_drivers.ts";

/** Two software adapters: Mesa's, and a copy of its library under another path with a manifest of its own. */
export interface SoftwareAdapters {
  /** Paths of the two manifests. */
  readonly manifests: readonly [string, string];
  /** Paths of the two libraries. */
  readonly libraries: readonly [string, string];
  /** The environment in which these two are all there is. */
  readonly env: Readonly<Record<string, string>>;
}

/** Mesa's software adapter on this machine; why there is none where there is not. */
const FIRST = findFirst();

/** What a test that needs two adapters adds to its name; empty where it can run. */
export const noSoftwareAdapters: string = typeof FIRST === "string" ? ` SKIPPED: ${FIRST}` : "";

/** Makes the second software adapter in a folder. */
export function makeSoftwareAdapters(folder: string): SoftwareAdapters {
  if (typeof FIRST === "string") throw new Error(FIRST);
  const { manifest, path, apiVersion } = FIRST;
  const copy = { library: `${folder}/libvulkan_lvp_copy.so`, manifest: `${folder}/lvp_copy.json` };
  Deno.copyFileSync(path, copy.library);
  Deno.writeTextFileSync(
    copy.manifest,
    JSON.stringify({ file_format_version: "1.0.0", ICD: { library_path: copy.library, api_version: apiVersion } }),
  );
  const both = `${manifest}:${copy.manifest}`;
  return {
    manifests: [manifest, copy.manifest],
    libraries: [path, copy.library],
    env: { VK_DRIVER_FILES: both, VK_ICD_FILENAMES: both, DENO_WEBGPU_BACKEND: "vulkan" },
  };
}

function findFirst(): { manifest: string; path: string; apiVersion: string } | string {
  if (Deno.build.os !== "linux") return "adapters are chosen on Linux alone";
  const first = vulkanDrivers().find(({ library }) => /libvulkan_lvp/.test(library));
  if (!first) return "no Mesa software adapter (libvulkan_lvp.so)";
  const path = first.library.includes("/") ? first.library : findLibrary(first.library);
  return path === undefined ? `no ${first.library}` : { ...first, path };
}

function findLibrary(name: string): string | undefined {
  for (const folder of ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"]) {
    try {
      Deno.statSync(`${folder}/${name}`);
      return `${folder}/${name}`;
    } catch { /* try the next */ }
  }
}
