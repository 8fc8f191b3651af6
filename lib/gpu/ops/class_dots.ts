import * as tf from "../../deps/tfjs.ts";
import type { TensorRange } from "../kernel_runner.ts";
import { transposeKernel } from "../kernels/transpose.ts";
import { inFours } from "../kernels/wgsl.ts";
import { rowsOf } from "../row_ranges.ts";
import type { Gpu } from "../start_webgpu.ts";
import { multiplyInto } from "./mat_mul.ts";

/**
 * Gives a function for the dot products of rows with samples: a table [rows, samples in fours], as the kernels of a softmax over classes
 * read it. Its values hold until the next call: the tables of at most `most` rows take the same place.
 *
 * `samples` is [batch, dim], dim a multiple of four. To be called within tf.tidy.
 */
export function rowDots(
  gpu: Gpu,
  samples: tf.Tensor2D,
  most: number,
): (rows: tf.Tensor | TensorRange, count: number) => tf.Tensor | TensorRange {
  const [batch, dim] = samples.shape;
  const columns = inFours(batch);
  const padded = columns === batch ? samples : samples.pad([[0, columns - batch], [0, 0]]);
  const [turned] = gpu.kernels.run(transposeKernel(1, columns, dim), [padded], [{ shape: [dim, columns] }]);
  const table = gpu.kernels.empty([most * columns]);
  return (rows, count) => {
    const place = rowsOf(table, 0, count, columns);
    multiplyInto(gpu, { values: rows, rows: count, columns: dim }, { values: turned, rows: dim, columns }, place);
    return place;
  };
}
