import type * as tf from "../../deps/tfjs.ts";
import { matrixProductKernel } from "../kernels/matrix_product.ts";
import type { TensorRange } from "../kernel_runner.ts";
import type { Gpu } from "../start_webgpu.ts";
import { addParts } from "./conv_direct.ts";

/** A matrix [rows, columns], row-major: a tensor, or some of the values of one. */
export interface Matrix {
  readonly values: tf.Tensor | TensorRange;
  readonly rows: number;
  readonly columns: number;
}

/** Workgroups that keep a large GPU busy, and steps of k that each should have. */
const BUSY = 256;
const STEPS = 256;

/** a [m, k] times b [k, n], without gradient; k and n are multiples of four. Few rows and columns of a long sum are divided along it, on GPUs. */
export function multiply(gpu: Gpu, a: Matrix, b: Matrix): tf.Tensor2D {
  const [m, k, n] = [a.rows, a.columns, b.columns];
  const tile = gpu.choices.productTile(m * k * n);
  const groups = tile.family === "workgroup" ? Math.ceil(m / tile.m) * Math.ceil(n / tile.n) : BUSY;
  const splits = Math.max(1, Math.min(Math.floor(BUSY / groups), Math.floor(k / STEPS)));
  const kernel = matrixProductKernel({ batch: 1, m, k, n, transposed: false, splits }, tile);
  const [parts] = gpu.kernels.run(kernel, [a.values, b.values], [{ shape: [splits, m, n] }]);
  return addParts(gpu, parts, [m, n]) as tf.Tensor2D;
}

/** a [m, k] times b [k, n], without gradient, written over `into` [m, n]; k and n are multiples of four. */
export function multiplyInto(gpu: Gpu, a: Matrix, b: Matrix, into: tf.Tensor | TensorRange): void {
  const kernel = product(gpu, { m: a.rows, k: a.columns, n: b.columns, transposed: false });
  gpu.kernels.run(kernel, [a.values, b.values], [into]);
}

/** a [k, m] transposed times b [k, n], without gradient, written over `into` [m, n]; m and n are multiples of four. */
export function multiplyTransposedInto(gpu: Gpu, a: Matrix, b: Matrix, into: tf.Tensor | TensorRange): void {
  const kernel = product(gpu, { m: a.columns, k: a.rows, n: b.columns, transposed: true });
  gpu.kernels.run(kernel, [a.values, b.values], [into]);
}

function product(gpu: Gpu, shape: { m: number; k: number; n: number; transposed: boolean }) {
  const { m, k, n } = shape;
  return matrixProductKernel({ ...shape, batch: 1, splits: 1 }, gpu.choices.productTile(m * k * n));
}
