import type { KernelSpec } from "../kernel_spec.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/** Copies values; a multiple of four. Bindings: x, y. */
export function copyKernel(size: number): KernelSpec {
  if (size % 4 !== 0) throw new Error(`copy: expected a multiple of four values, got ${size}`);
  const { size: group, workgroups } = spread(size / 4, 64);
  return {
    name: `copy ${size}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "x", "vec4f", size / 4)}
${storage(1, "y", "vec4f", size / 4, "write")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, group)};
  if (i < ${size / 4}u) { y[i] = x[i]; }
}`,
  };
}
