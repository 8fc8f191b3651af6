import * as tf from "../../deps/tfjs.ts";
import type { ConvLayer } from "../conv_layer.ts";
import { conv2dKernel, type ConvPass, type TapAxis } from "../kernels/conv2d.ts";
import { convTile, filterGradientTile } from "../kernels/conv_tiles.ts";
import { conv2dFilterGradientKernel } from "../kernels/conv2d_filter_gradient.ts";
import { sumPartsKernel } from "../kernels/sum_parts.ts";
import { transposeKernel } from "../kernels/transpose.ts";
import type { Gpu } from "../start_webgpu.ts";

/** An axis of a forward pass: position `out * stride - pad + k` meets tap k. */
const forwardAxis = (taps: number, pad: number): TapAxis => ({
  count: taps,
  offset: -pad,
  offsetStep: 1,
  tap: 0,
  tapStep: 1,
});

/** The output, [batch, OH, OW, O], of a sum over taps and channels as it is defined. */
export function directForward(gpu: Gpu, x: tf.Tensor, filter: tf.Tensor, layer: ConvLayer): tf.Tensor {
  const { batch, input, output, stride, pad } = layer;
  const pass: ConvPass = {
    batch,
    input,
    output,
    grid: [output[0], output[1]],
    outputStride: 1,
    outputOffset: [0, 0],
    inputStride: stride,
    rows: forwardAxis(layer.filter[0], pad),
    cols: forwardAxis(layer.filter[1], pad),
    filterWidth: layer.filter[1],
  };
  const spec = conv2dKernel(pass, convTile(pass, gpu.adapter.software));
  return gpu.kernels.run(spec, [x, filter], [{ shape: [batch, ...output] }])[0];
}

/**
 * The input's gradient is a convolution of the output's gradient with the transposed filter. With a stride, the input
 * positions of each remainder meet only every stride-th tap: one pass per remainder, without a wasted multiplication.
 */
export function directInputGradient(gpu: Gpu, dy: tf.Tensor, filter: tf.Tensor, layer: ConvLayer): tf.Tensor {
  const { batch, input, output, stride, pad } = layer;
  const taps = layer.filter[0] * layer.filter[1];
  return tf.tidy(() => {
    const [transposed] = gpu.kernels.run(transposeKernel(taps, input[2], output[2]), [filter], [
      { shape: [taps, output[2], input[2]] },
    ]);
    let dx: tf.Tensor | undefined;
    // A remainder with no tap at all (1x1 with stride 2) leaves its positions untouched: they must start as zeros.
    if (stride > Math.min(...layer.filter)) dx = zeros(gpu, [batch, ...input]);
    for (let py = 0; py < Math.min(stride, input[0]); py++) {
      for (let px = 0; px < Math.min(stride, input[1]); px++) {
        const rows = gradientAxis(layer.filter[0], pad, stride, py);
        const cols = gradientAxis(layer.filter[1], pad, stride, px);
        if (rows.count === 0 || cols.count === 0) continue;
        const pass: ConvPass = {
          batch,
          input: output,
          output: input,
          grid: [Math.ceil((input[0] - py) / stride), Math.ceil((input[1] - px) / stride)],
          outputStride: stride,
          outputOffset: [py, px],
          inputStride: 1,
          rows,
          cols,
          filterWidth: layer.filter[1],
        };
        const spec = conv2dKernel(pass, convTile(pass, gpu.adapter.software));
        dx = gpu.kernels.run(spec, [dy, transposed], [dx ?? { shape: [batch, ...input] }])[0];
      }
    }
    return dx!;
  });
}

/** Input position `stride * j + remainder` meets taps k with (remainder + pad - k) divisible by the stride. */
function gradientAxis(taps: number, pad: number, stride: number, remainder: number): TapAxis {
  const first = (remainder + pad) % stride;
  return {
    count: first < taps ? Math.ceil((taps - first) / stride) : 0,
    offset: Math.floor((remainder + pad - first) / stride),
    offsetStep: -1,
    tap: first,
    tapStep: stride,
  };
}

function zeros(gpu: Gpu, shape: number[]): tf.Tensor {
  const tensor = tf.zeros(shape);
  gpu.kernels.buffer(tensor);
  return tensor;
}

/** The filter's gradient, [h, w, C, O]. */
export function directFilterGradient(gpu: Gpu, x: tf.Tensor, dy: tf.Tensor, layer: ConvLayer): tf.Tensor {
  const { batch, input, output, filter, stride, pad } = layer;
  const shape = [filter[0], filter[1], input[2], output[2]];
  const splits = Math.max(1, Math.min(batch * output[0], Math.ceil(batch * output[0] * output[1] / 1024)));
  const spec = conv2dFilterGradientKernel(
    { batch, input, output, filter, stride, pad, splits },
    filterGradientTile(layer, gpu.adapter.software),
  );
  return tf.tidy(() => {
    const [parts] = gpu.kernels.run(spec, [x, dy], [{ shape: [splits, ...shape] }]);
    if (splits === 1) return parts.reshape(shape);
    return gpu.kernels.run(sumPartsKernel(1, splits, tf.util.sizeFromShape(shape)), [parts], [{ shape }])[0];
  });
}

