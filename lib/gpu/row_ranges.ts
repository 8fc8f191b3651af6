import type { TensorRange } from "./kernel_runner.ts";
import type { Gpu } from "./start_webgpu.ts";
import type { Tensor } from "./tensor.ts";

/** A run of a table's rows. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** Rows of a table of `dim` columns that fit one binding, a multiple of 64 so that every range starts where a binding may. */
export function rowsPerBinding(gpu: Gpu, dim: number): number {
  return Math.max(64, Math.floor(gpu.device.limits.maxStorageBufferBindingSize / (4 * dim) / 64) * 64);
}

/** All rows in runs of at most `most`. */
export function rowRanges(rows: number, most: number): RowRange[] {
  const ranges: RowRange[] = [];
  for (let first = 0; first < rows; first += most) ranges.push({ first, count: Math.min(most, rows - first) });
  return ranges;
}

/** Rows of a table of `dim` columns; the whole tensor where it is all of them. */
export function rowsOf(tensor: Tensor, first: number, count: number, dim: number): Tensor | TensorRange {
  return count * dim === tensor.size ? tensor : { tensor, first: first * dim, size: count * dim };
}
