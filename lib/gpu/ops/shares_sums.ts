import type { Gpu } from "../start_webgpu.ts";

/** Whether sums are added up by the lanes of a workgroup together, as GPUs want it, or by one lane each. */
export function sharesSums({ choices }: Gpu): boolean {
  return choices.family === "workgroup";
}
