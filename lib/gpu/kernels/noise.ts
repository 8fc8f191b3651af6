import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage, vectorOf } from "./wgsl.ts";

/**
 * Values evenly spread over [-1, 1) times `most`, value i from a hash of i and the seed, so that a kernel can be timed on numbers that
 * no processor has to draw. Bindings: output [size].
 *
 * @source the hash's constants are those of MurmurHash3's finisher.
 */
export const noiseKernel = remembered(function (size: number, most: number, seed: number): KernelSpec {
  const { type, count } = vectorOf(size);
  const lanes = type === "f32" ? 1 : 4;
  const { size: threads, workgroups } = spread(count, 64);
  const values = Array.from({ length: lanes }, (_, j) => `valueAt(i * ${lanes}u + ${j}u)`);
  return {
    name: `noise ${size}`,
    bindings: ["write"],
    workgroups,
    wgsl: `
${storage(0, "output", type, count, "write")}
fn valueAt(at: u32) -> f32 {
  var h = at * 2654435769u + ${seed >>> 0}u;
  h = (h ^ (h >> 16u)) * 2246822507u;
  h = (h ^ (h >> 13u)) * 3266489909u;
  h = h ^ (h >> 16u);
  return (f32(h >> 8u) / 8388608.0 - 1.0) * ${most.toExponential()};
}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, threads)};
  if (i >= ${count}u) { return; }
  output[i] = ${type}(${values.join(", ")});
}`,
  };
});
