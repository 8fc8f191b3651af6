import * as tf from "../../deps/tfjs.ts";
import type { ConvLayer, Size3 } from "../conv_layer.ts";
import type { GroupedConv } from "../kernels/grouped_conv2d.ts";
import type { Gpu } from "../start_webgpu.ts";
import { convFilterGradient, convForward, convInputGradient } from "./conv_passes.ts";
import { gradientOp } from "./gradient_op.ts";
import { groupedFilterGradient, groupedForward, groupedInputGradient } from "./grouped_conv.ts";

/** How a convolution moves over its input. */
export interface Conv2dOptions {
  /** @default 1 */
  readonly stride?: number;
  /** Zeros on every side. @default 0 */
  readonly pad?: number;
  /** Groups of channels that do not mix. @default 1 */
  readonly groups?: number;
  /** The output is kept in half precision, where its channels come in fours. @default false */
  readonly half?: boolean;
}

/** The layer that a filter [rows, cols, channels / groups, outputs] makes of an input; throws if it does not fit. */
export function layerOf(x: tf.Tensor4D, filter: tf.Tensor4D, options: Conv2dOptions): ConvLayer {
  const { stride = 1, pad = 0 } = options;
  const [batch, height, width, channels] = x.shape;
  const [rows, cols, , outputs] = filter.shape;
  const size = (n: number, k: number) => Math.floor((n + 2 * pad - k) / stride) + 1;
  const output: Size3 = [size(height, rows), size(width, cols), outputs];
  if (output[0] < 1 || output[1] < 1) {
    throw new Error(`conv2d: a ${rows}x${cols} filter does not fit ${height}x${width}`);
  }
  const half = options.half && outputs % 4 === 0;
  return { batch, input: [height, width, channels], output, filter: [rows, cols], stride, pad, ...(half && { half }) };
}

/**
 * Two-dimensional convolution with gradients for input and filter.
 *
 * `x` is [batch, height, width, channels], `filter` [rows, cols, channels / groups, outputs]; a filter with fewer input
 * channels than `x` has, as for images padded to four channels, leaves the others out.
 */
export function conv2d(gpu: Gpu, x: tf.Tensor4D, filter: tf.Tensor4D, options: Conv2dOptions = {}): tf.Tensor4D {
  const { groups = 1 } = options;
  const [batch, height, width, channels] = x.shape;
  const [, , perGroup, outputs] = filter.shape;
  const layer = layerOf(x, filter, options);
  const { output } = layer;
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

function denseConv2d(gpu: Gpu, x: tf.Tensor4D, filter: tf.Tensor4D, layer: ConvLayer): tf.Tensor4D {
  return gradientOp(
    { x, filter },
    (save) => {
      save([x, filter]);
      return convForward(gpu, x, filter, layer);
    },
    (dy, [xSaved, filterSaved]) => ({
      x: () => convInputGradient(gpu, dy, filterSaved, layer),
      filter: () => convFilterGradient(gpu, xSaved, dy, layer),
    }),
  ) as tf.Tensor4D;
}

function groupedConv2d(gpu: Gpu, x: tf.Tensor4D, filter: tf.Tensor4D, conv: GroupedConv): tf.Tensor4D {
  return gradientOp(
    { x, filter },
    (save) => {
      save([x, filter]);
      return groupedForward(gpu, x, filter, conv);
    },
    (dy, [xSaved, filterSaved]) => ({
      x: () => groupedInputGradient(gpu, dy, filterSaved, conv),
      filter: () => groupedFilterGradient(gpu, xSaved, dy, filterSaved.shape, conv),
    }),
  ) as tf.Tensor4D;
}
