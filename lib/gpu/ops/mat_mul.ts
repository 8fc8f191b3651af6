import type * as tf from "../../deps/tfjs.ts";
import { matrixProductKernel } from "../kernels/matrix_product.ts";
import type { TensorRange } from "../kernel_runner.ts";
import type { Gpu } from "../start_webgpu.ts";

/** A matrix [rows, columns], row-major: a tensor, or some of the values of one. */
export interface Matrix {
  readonly values: tf.Tensor | TensorRange;
  readonly rows: number;
  readonly columns: number;
}

/** a [m, k] times b [k, n], without gradient; k and n are multiples of four. */
export function multiply(gpu: Gpu, a: Matrix, b: Matrix): tf.Tensor2D {
  const { kernel, shape } = product(gpu, { m: a.rows, k: a.columns, n: b.columns, transposed: false });
  return gpu.kernels.run(kernel, [a.values, b.values], [{ shape }])[0] as tf.Tensor2D;
}

/** a [k, m] transposed times b [k, n], without gradient, written over `into` [m, n]; m and n are multiples of four. */
export function multiplyTransposedInto(gpu: Gpu, a: Matrix, b: Matrix, into: tf.Tensor | TensorRange): void {
  const { kernel } = product(gpu, { m: a.columns, k: a.rows, n: b.columns, transposed: true });
  gpu.kernels.run(kernel, [a.values, b.values], [into]);
}

function product(gpu: Gpu, shape: { m: number; k: number; n: number; transposed: boolean }) {
  const { m, k, n } = shape;
  const kernel = matrixProductKernel({ ...shape, batch: 1, splits: 1 }, gpu.choices.productTile(m * k * n));
  return { kernel, shape: [m, n] };
}
