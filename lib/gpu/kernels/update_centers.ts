import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/**
 * Moves class centers towards embeddings: M[y] = (1-mu) e + mu M[y]. A label more than once in the batch: `last` takes
 * its last row, `mean` the mean of its rows. `centers` are those of the classes from `first` on; labels of others are left to their own range.
 * Bindings: embeddings [B, D], labels [B] (i32), first [1] (i32), centers [C, D].
 */
export const updateCentersKernel = remembered(function (
  batch: number,
  dim: number,
  classes: number,
  momentum: number,
  repeated: "last" | "mean",
): KernelSpec {
  const lanes = batch * dim;
  const { size, workgroups } = spread(lanes, 64);
  return {
    name: `update centers ${batch}x${dim}`,
    bindings: ["read", "read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "embeddings", "f32", lanes)}
${storage(1, "labels", "i32", batch)}
${storage(2, "first", "i32", 1)}
${storage(3, "centers", "f32", classes * dim, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let d = lane % ${dim}u;
  let row = lane / ${dim}u;
  let label = labels[row];
  // The last row of a label does the work for all of them.
  for (var later = row + 1u; later < ${batch}u; later++) { if (labels[later] == label) { return; } }
  var sum = embeddings[lane];
  ${
      repeated === "mean"
        ? `var count = 1.0;
  for (var earlier = 0u; earlier < row; earlier++) {
    if (labels[earlier] == label) { sum += embeddings[earlier * ${dim}u + d]; count += 1.0; }
  }
  sum /= count;`
        : ""
    }
  let class_ = label - first[0];
  if (class_ < 0 || class_ >= ${classes}) { return; }
  let at = u32(class_) * ${dim}u + d;
  centers[at] = ${1 - momentum} * sum + ${momentum} * centers[at];
}`,
  };
});
