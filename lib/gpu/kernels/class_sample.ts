import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/** Rows that are taken from a range of a table, and put back. */
export interface SampledRange {
  /** Rows taken, of all ranges. */
  readonly rows: number;
  /** Length of a row, a multiple of four. */
  readonly dim: number;
  /** Rows of the range. */
  readonly classes: number;
}

/** Copies the rows of these numbers that are in the range; others stay. Bindings: ids [rows] (i32), first [1] (i32), table [classes, dim], taken [rows, dim]. */
export const takeRowsKernel = remembered(function (range: SampledRange): KernelSpec {
  return rowsKernel(range, "take rows", ["table", "taken"], "taken[i] = table[at];");
});

/** The way back: bindings ids [rows] (i32), first [1] (i32), taken [rows, dim], table [classes, dim]. */
export const putRowsKernel = remembered(function (range: SampledRange): KernelSpec {
  return rowsKernel(range, "put rows", ["taken", "table"], "table[at] = taken[i];");
});

function rowsKernel(
  { rows, dim, classes }: SampledRange,
  name: string,
  tables: readonly [string, string],
  copy: string,
): KernelSpec {
  const wide = dim / 4;
  const length: Record<string, number> = { table: classes * wide, taken: rows * wide };
  const { size, workgroups } = spread(rows * wide, 64);
  return {
    name: `${name} ${rows} of ${classes}x${dim}`,
    bindings: ["read", "read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "ids", "i32", rows)}
${storage(1, "first", "i32", 1)}
${storage(2, tables[0], "vec4f", length[tables[0]])}
${storage(3, tables[1], "vec4f", length[tables[1]], "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${rows * wide}u) { return; }
  let row = ids[i / ${wide}u] - first[0];
  if (row < 0 || row >= ${classes}) { return; }
  let at = u32(row) * ${wide}u + i % ${wide}u;
  ${copy}
}`,
  };
}

/** Place of each label among sorted ids, -1 where it is none of them. Bindings: ids [rows] (i32), labels [batch] (i32), places [batch] (i32). */
export const placesKernel = remembered(function (batch: number, rows: number): KernelSpec {
  const { size, workgroups } = spread(batch, 64);
  return {
    name: `places of ${batch} among ${rows}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "ids", "i32", rows)}
${storage(1, "labels", "i32", batch)}
${storage(2, "places", "i32", batch, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${batch}u) { return; }
  let label = labels[i];
  var low = 0u;
  var high = ${rows}u;
  for (var k = 0u; k < 32u; k++) {
    if (low >= high) { break; }
    let middle = (low + high) / 2u;
    if (ids[middle] < label) { low = middle + 1u; } else { high = middle; }
  }
  let place = min(low, ${rows - 1}u);
  places[i] = select(-1, i32(place), ids[place] == label);
}`,
  };
});
