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

/** A run of rows of a table that is held in several tensors, all of the same height but the last. */
export interface TableRange extends RowRange {
  /** These rows of a table that is split as the one asked for was. */
  readonly of: (table: readonly Tensor[]) => Tensor | TensorRange;
}

/** All rows of a table in runs of at most `most`, a multiple of 64; none reaches over the border of two tensors. */
export function tableRanges(table: readonly Tensor[], most: number): TableRange[] {
  const [height, dim] = table[0].shape as [number, number];
  return table.flatMap((tensor, part) =>
    rowRanges(tensor.shape[0], most).map(({ first, count }) => ({
      first: part * height + first,
      count,
      of: (other: readonly Tensor[]) => rowsOf(other[part], first, count, dim),
    }))
  );
}
