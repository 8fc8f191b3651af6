import type { KernelSpec } from "../kernel_spec.ts";
import { flatIndex, spread, storage, vectorOf } from "./wgsl.ts";

/**
 * Adds up parts: sums[i] = parts[0][i] + parts[1][i] + …, for each of `sets` stacked tables of parts.
 * Bindings: parts [sets, parts, size], sums [sets, size].
 */
export function sumPartsKernel(sets: number, parts: number, size: number): KernelSpec {
  const { type, count } = vectorOf(size);
  const { size: group, workgroups } = spread(sets * count, 64);
  return {
    name: `sum of ${parts} parts of ${size}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "parts", type, sets * parts * count)}
${storage(1, "sums", type, sets * count, "write")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, group)};
  if (i >= ${sets * count}u) { return; }
  let first = i / ${count}u * ${parts * count}u + i % ${count}u;
  var sum = parts[first];
  for (var part = 1u; part < ${parts}u; part++) { sum += parts[first + part * ${count}u]; }
  sums[i] = sum;
}`,
  };
}
