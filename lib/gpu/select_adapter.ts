/**
 * Makes WebGPU take an adapter of the list where it is started next: in this process, or in a worker that is started now. The process's
 * environment says which; the result puts it back, which is to be done when WebGPU has given its adapter.
 *
 * @example
 * ```ts
 * import { selectAdapter } from "./select_adapter.ts";
 *
 * const restore = selectAdapter({ env: { VK_DRIVER_FILES: "/usr/share/vulkan/icd.d/nvidia_icd.json" } });
 * restore();
 * ```
 */
export function selectAdapter({ env = {} }: { readonly env?: Readonly<Record<string, string>> }): () => void {
  const before = Object.keys(env).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(env)) Deno.env.set(name, value);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  };
}
