import type * as tf from "../../deps/tfjs.ts";
import { matrixProductKernel } from "../kernels/matrix_product.ts";
import type { Gpu } from "../start_webgpu.ts";

/** a [m, k] times b [k, n], without gradient; k and n are multiples of four. */
export function multiply(gpu: Gpu, a: tf.Tensor, b: tf.Tensor): tf.Tensor2D {
  return product(gpu, a, b, { m: a.shape[0], k: a.shape[1]!, transposed: false });
}

/** a [k, m] transposed times b [k, n], without gradient; m and n are multiples of four. */
export function multiplyTransposed(gpu: Gpu, a: tf.Tensor, b: tf.Tensor): tf.Tensor2D {
  return product(gpu, a, b, { m: a.shape[1]!, k: a.shape[0], transposed: true });
}

function product(
  gpu: Gpu,
  a: tf.Tensor,
  b: tf.Tensor,
  shape: { readonly m: number; readonly k: number; readonly transposed: boolean },
): tf.Tensor2D {
  const n = b.shape[1]!;
  const spec = matrixProductKernel(
    { ...shape, batch: 1, n, splits: 1 },
    gpu.choices.productTile(shape.m * shape.k * n),
  );
  return gpu.kernels.run(spec, [a, b], [{ shape: [shape.m, n] }])[0] as tf.Tensor2D;
}
