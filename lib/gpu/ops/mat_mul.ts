import type * as tf from "../../deps/tfjs.ts";
import { conv2dKernel, type ConvPass, type TapAxis } from "../kernels/conv2d.ts";
import { conv2dFilterGradientKernel } from "../kernels/conv2d_filter_gradient.ts";
import { convTile, filterGradientTile } from "../kernels/conv_tiles.ts";
import type { Gpu } from "../start_webgpu.ts";

const ONE_TAP: TapAxis = { count: 1, offset: 0, offsetStep: 1, tap: 0, tapStep: 1 };

/** a [m, k] times b [k, n], without gradient; k and n are multiples of four. A matrix product is a 1x1 convolution over m positions. */
export function multiply(gpu: Gpu, a: tf.Tensor, b: tf.Tensor): tf.Tensor2D {
  const [m, k] = a.shape;
  const n = b.shape[1]!;
  const pass: ConvPass = {
    batch: 1,
    input: [1, m, k!],
    output: [1, m, n],
    grid: [1, m],
    outputStride: 1,
    outputOffset: [0, 0],
    inputStride: 1,
    rows: ONE_TAP,
    cols: ONE_TAP,
    filterWidth: 1,
  };
  const spec = conv2dKernel(pass, convTile(pass, gpu.adapter.software));
  return gpu.kernels.run(spec, [a, b], [{ shape: [m, n] }])[0] as tf.Tensor2D;
}

/** a [k, m] transposed times b [k, n], without gradient; m and n are multiples of four. The filter gradient of a 1x1 convolution. */
export function multiplyTransposed(gpu: Gpu, a: tf.Tensor, b: tf.Tensor): tf.Tensor2D {
  const [k, m] = a.shape;
  const n = b.shape[1]!;
  const pass = {
    batch: 1,
    input: [1, k, m!] as const,
    output: [1, k, n] as const,
    filter: [1, 1] as const,
    stride: 1,
    pad: 0,
    splits: 1,
  };
  const spec = conv2dFilterGradientKernel(pass, filterGradientTile(pass, gpu.adapter.software));
  return gpu.kernels.run(spec, [a, b], [{ shape: [m!, n] }])[0] as tf.Tensor2D;
}
