import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/** Swaps the last two axes of [taps, rows, cols]. Bindings: from, to. */
export const transposeKernel = remembered(function (taps: number, rows: number, cols: number): KernelSpec {
  const total = taps * rows * cols;
  const { size, workgroups } = spread(total, 64);
  return {
    name: `transpose ${taps}x${rows}x${cols}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "from_", "f32", total)}
${storage(1, "to", "f32", total, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${total}u) { return; }
  let row = i % ${rows}u;
  let col = i / ${rows}u % ${cols}u;
  to[i] = from_[(i / ${rows * cols}u * ${rows}u + row) * ${cols}u + col];
}`,
  };
});
