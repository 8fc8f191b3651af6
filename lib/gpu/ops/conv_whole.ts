import * as tf from "../../deps/tfjs.ts";
import type { ConvLayer } from "../conv_layer.ts";
import { matrixProductKernel } from "../kernels/matrix_product.ts";
import { transposeKernel } from "../kernels/transpose.ts";
import type { Gpu } from "../start_webgpu.ts";

/** Whether a filter covers its whole input: a linear layer. */
export function coversWhole({ input, output, filter, pad }: ConvLayer): boolean {
  return pad === 0 && output[0] === 1 && output[1] === 1 && filter[0] === input[0] && filter[1] === input[1];
}

/**
 * The input's gradient of a linear layer: filter [inputs, O] times dy^T [O, batch], turned round. As a convolution it would be one with
 * zeros all around; and the filter, by far the largest table here, need not be turned.
 */
export function wholeInputGradient(gpu: Gpu, dy: tf.Tensor, filter: tf.Tensor, layer: ConvLayer): tf.Tensor {
  const { batch, input, output } = layer;
  const inputs = input[0] * input[1] * input[2];
  const outputs = output[2];
  // Rows are read four values at a time.
  const wide = Math.ceil(batch / 4) * 4;
  return tf.tidy(() => {
    const rows = dy.reshape<tf.Tensor2D>([batch, outputs]);
    const [turned] = gpu.kernels.run(
      transposeKernel(1, wide, outputs),
      [wide === batch ? rows : rows.pad([[0, wide - batch], [0, 0]])],
      [{ shape: [outputs, wide] }],
    );
    const product = { batch: 1, m: inputs, k: outputs, n: wide, transposed: false, splits: 1 };
    const spec = matrixProductKernel(product, gpu.choices.productTile(inputs * outputs * wide));
    const [columns] = gpu.kernels.run(spec, [filter, turned], [{ shape: [inputs, wide] }]);
    const [dx] = gpu.kernels.run(transposeKernel(1, inputs, wide), [columns], [{ shape: [wide, inputs] }]);
    return (wide === batch ? dx : dx.slice([0, 0], [batch, inputs])).reshape([batch, ...input]);
  });
}
