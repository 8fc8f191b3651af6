import * as tf from "../../deps/tfjs.ts";
import { conv2dKernel, type ConvPass, type TapAxis } from "../kernels/conv2d.ts";
import { convTile, filterGradientTile } from "../kernels/conv_tiles.ts";
import { conv2dFilterGradientKernel } from "../kernels/conv2d_filter_gradient.ts";
import {
  type GroupedConv,
  groupedConv2dFilterGradientKernel,
  groupedConv2dInputGradientKernel,
  groupedConv2dKernel,
  groupedFilterParts,
} from "../kernels/grouped_conv2d.ts";
import { sumPartsKernel } from "../kernels/sum_parts.ts";
import { transposeKernel } from "../kernels/transpose.ts";
import { gradientOp } from "./gradient_op.ts";
import type { Gpu } from "../start_webgpu.ts";

/** How a convolution moves over its input. */
export interface Conv2dOptions {
  /** @default 1 */
  readonly stride?: number;
  /** Zeros on every side. @default 0 */
  readonly pad?: number;
  /** Groups of channels that do not mix. @default 1 */
  readonly groups?: number;
}

type Size3 = readonly [number, number, number];

/** Everything the three passes of one layer need to know. */
interface Layer {
  readonly batch: number;
  readonly input: Size3;
  readonly output: Size3;
  readonly filter: readonly [number, number];
  readonly stride: number;
  readonly pad: number;
}

/**
 * Two-dimensional convolution with gradients for input and filter.
 *
 * `x` is [batch, height, width, channels], `filter` [rows, cols, channels / groups, outputs]; a filter with fewer input
 * channels than `x` has, as for images padded to four channels, leaves the others out.
 */
export function conv2d(gpu: Gpu, x: tf.Tensor4D, filter: tf.Tensor4D, options: Conv2dOptions = {}): tf.Tensor4D {
  const { stride = 1, pad = 0, groups = 1 } = options;
  const [batch, height, width, channels] = x.shape;
  const [rows, cols, perGroup, outputs] = filter.shape;
  const size = (n: number, k: number) => Math.floor((n + 2 * pad - k) / stride) + 1;
  const output: Size3 = [size(height, rows), size(width, cols), outputs];
  if (output[0] < 1 || output[1] < 1) {
    throw new Error(`conv2d: a ${rows}x${cols} filter does not fit ${height}x${width}`);
  }
  const layer = {
    batch,
    input: [height, width, channels] as Size3,
    output,
    filter: [rows, cols] as const,
    stride,
    pad,
  };
  if (groups > 1) {
    if (perGroup * groups !== channels) {
      throw new Error(`conv2d: expected ${channels / groups} channels, got ${perGroup}`);
    }
    return groupedConv2d(gpu, x, filter, { ...layer, groups });
  }
  if (perGroup > channels) throw new Error(`conv2d: filter has ${perGroup} input channels, input ${channels}`);
  const wide = roundUp(channels);
  const wideOut = roundUp(outputs);
  if (wide === channels && wideOut === outputs && perGroup === channels) return denseConv2d(gpu, x, filter, layer);
  // Channels that do not come in fours are padded with zeros around the dense kernels; pad and slice carry the gradient.
  const padded = wide === channels ? x : x.pad([[0, 0], [0, 0], [0, 0], [0, wide - channels]]) as tf.Tensor4D;
  const paddedFilter = filter.pad([[0, 0], [0, 0], [0, wide - perGroup], [0, wideOut - outputs]]) as tf.Tensor4D;
  const result = denseConv2d(gpu, padded, paddedFilter, {
    ...layer,
    input: [height, width, wide],
    output: [output[0], output[1], wideOut],
  });
  return wideOut === outputs ? result : result.slice([0, 0, 0, 0], [batch, output[0], output[1], outputs]);
}

const roundUp = (channels: number): number => Math.ceil(channels / 4) * 4;

function denseConv2d(gpu: Gpu, x: tf.Tensor4D, filter: tf.Tensor4D, layer: Layer): tf.Tensor4D {
  return gradientOp(
    { x, filter },
    (save) => {
      save([x, filter]);
      return forward(gpu, x, filter, layer);
    },
    (dy, [xSaved, filterSaved]) => ({
      x: () => inputGradient(gpu, dy, filterSaved, layer),
      filter: () => filterGradient(gpu, xSaved, dy, layer),
    }),
  ) as tf.Tensor4D;
}

/** An axis of a forward pass: position `out * stride - pad + k` meets tap k. */
const forwardAxis = (taps: number, pad: number): TapAxis => ({
  count: taps,
  offset: -pad,
  offsetStep: 1,
  tap: 0,
  tapStep: 1,
});

function forward(gpu: Gpu, x: tf.Tensor, filter: tf.Tensor, layer: Layer): tf.Tensor {
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
function inputGradient(gpu: Gpu, dy: tf.Tensor, filter: tf.Tensor, layer: Layer): tf.Tensor {
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

function filterGradient(gpu: Gpu, x: tf.Tensor, dy: tf.Tensor, layer: Layer): tf.Tensor {
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

function groupedConv2d(gpu: Gpu, x: tf.Tensor4D, filter: tf.Tensor4D, conv: GroupedConv): tf.Tensor4D {
  return gradientOp(
    { x, filter },
    (save) => {
      save([x, filter]);
      return gpu.kernels.run(groupedConv2dKernel(conv), [x, filter], [{ shape: [conv.batch, ...conv.output] }])[0];
    },
    (dy, [xSaved, filterSaved]) => ({
      x: () => gpu.kernels.run(groupedConv2dInputGradientKernel(conv), [dy, filterSaved], [{ shape: xSaved.shape }])[0],
      filter: () => {
        const parts = groupedFilterParts(conv);
        const { shape, size } = filterSaved;
        const spec = groupedConv2dFilterGradientKernel(conv);
        const [sums] = gpu.kernels.run(spec, [xSaved, dy], [{ shape: [parts, ...shape] }]);
        return parts === 1
          ? sums.reshape(shape)
          : gpu.kernels.run(sumPartsKernel(1, parts, size), [sums], [{ shape }])[0];
      },
    }),
  ) as tf.Tensor4D;
}
