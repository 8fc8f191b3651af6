import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { addShared, perGroup, sharedSums } from "./shared_sums.ts";
import { flatIndex, groupIndex, spread, storage, vectorOf } from "./wgsl.ts";

/**
 * Adds up parts: sums[i] = parts[0][i] + parts[1][i] + …, for each of `sets` stacked tables of parts.
 * With `shared` the lanes of a workgroup do one value together: for many parts of few values, on GPUs.
 * Bindings: parts [sets, parts, size], then for each set its sums [size].
 */
export const sumPartsKernel = remembered(
  function (sets: number, parts: number, size: number, shared = false): KernelSpec {
    const { type, count } = vectorOf(size);
    const { size: group, workgroups } = shared ? perGroup(sets * count) : spread(sets * count, 64);
    const all = Array.from({ length: sets }, (_, set) => set);
    const store = (set: number) =>
      set === sets - 1 ? `sums${set}[at] = sum;` : `if (table == ${set}u) { sums${set}[at] = sum; return; }`;
    return {
      name: `sum of ${parts} parts of ${size}`,
      bindings: ["read", ...all.map(() => "write" as const)],
      workgroups,
      wgsl: `
${storage(0, "parts", type, sets * parts * count)}
${all.map((set) => storage(1 + set, `sums${set}`, type, count, "write")).join("\n")}
${shared ? sharedSums(type, ["sum"]) : ""}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${shared ? groupIndex(workgroups) : flatIndex(workgroups, group)};
  if (i >= ${sets * count}u) { return; }
  let table = i / ${count}u;
  let at = i % ${count}u;
  let first = table * ${parts * count}u + at;
  var sum = ${shared ? `${type}()` : "parts[first]"};
  for (var part = ${shared ? "local" : "1u"}; part < ${parts}u; part += ${shared ? group : 1}u) {
    sum += parts[first + part * ${count}u];
  }
  ${shared ? addShared(["sum"]) : ""}
  ${all.map(store).join("\n  ")}
}`,
    };
  },
);
