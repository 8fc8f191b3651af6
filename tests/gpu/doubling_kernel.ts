import type { KernelSpec } from "../../lib/gpu/kernel_spec.ts";

/** y = 2 x, of three values. */
export const doubling: KernelSpec = {
  name: "double",
  bindings: ["read", "write"],
  workgroups: [1, 1, 1],
  wgsl: `@group(0) @binding(0) var<storage, read> x: array<f32, 3>;
@group(0) @binding(1) var<storage, read_write> y: array<f32, 3>;
@compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { if (i < 3u) { y[i] = 2.0 * x[i]; } }`,
};
