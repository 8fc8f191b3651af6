import * as tf from "../../lib/deps/tfjs.ts";
import { type ConvLayer, products } from "../../lib/gpu/conv_layer.ts";
import { batchNorm } from "../../lib/gpu/ops/batch_norm.ts";
import { convFilterGradient, convForward, convInputGradient } from "../../lib/gpu/ops/conv_passes.ts";
import { groupedFilterGradient, groupedForward, groupedInputGradient } from "../../lib/gpu/ops/grouped_conv.ts";
import { noise } from "../../lib/gpu/ops/noise.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { stockBatchNorm, stockGroupedConv2d } from "../peers/stock_network.ts";
import type { ConvShape, NormShape } from "./layer_shapes.ts";

/** A pass of a layer by itself, as ours and by stock tfjs kernels. What a run gives is the caller's to dispose of. */
export interface LayerPass {
  /** `forward`, `input gradient`, `filter gradient`, or `forward and gradients`. */
  readonly name: string;
  /** Operations; of a pass that moves memory undefined. */
  readonly flops?: number;
  /** Bytes that must be read or written at least; of a pass that multiplies undefined. */
  readonly bytes?: number;
  readonly ours: () => Tensor[];
  readonly stock: () => Tensor[];
}

/** The passes of a layer and the tensors that they share. */
export interface LayerPasses extends Disposable {
  readonly passes: readonly LayerPass[];
}

/** Makes a layer of a shape with values as they are in training. */
export function layerPasses(gpu: Gpu, shape: ConvShape | NormShape): LayerPasses {
  return shape.kind === "norm" ? normPasses(gpu, shape) : convPasses(gpu, shape);
}

const fours = (channels: number): number => Math.ceil(channels / 4) * 4;

function convPasses(gpu: Gpu, { kind, layer, groups, inputGradient }: ConvShape): LayerPasses {
  const { batch, input, output, filter, stride, pad } = layer;
  const perGroup = input[2] / groups;
  // Ours come with channels in fours, padded with zeros where a network has others.
  const wide: ConvLayer = groups > 1
    ? layer
    : { ...layer, input: [input[0], input[1], fours(input[2])], output: [output[0], output[1], fours(output[2])] };
  const random = (dims: readonly number[], seed: number) => noise(gpu, dims, 0.1, seed);
  const own = {
    x: random([batch, ...wide.input], 1),
    filter: random([...filter, groups > 1 ? perGroup : wide.input[2], wide.output[2]], 2),
    dy: random([batch, ...wide.output], 3),
  };
  const peer = {
    x: random([batch, ...input], 1) as tf.Tensor4D,
    filter: random([...filter, perGroup, output[2]], 2) as tf.Tensor4D,
    dy: random([batch, ...output], 3) as tf.Tensor4D,
  };
  const tensors = [...Object.values(own), ...Object.values(peer)];
  for (const tensor of tensors) gpu.kernels.buffer(tensor);
  const flops = 2 * products(layer) / groups;
  const stock = kind === "linear"
    ? stockLinear(peer, layer)
    : groups > 1
    ? stockGrouped(peer, { stride, pad, groups })
    : stockConv(peer, { stride, pad });
  const grouped = { ...layer, groups };
  const forward: LayerPass = {
    name: "forward",
    flops,
    ours:
      () => [groups > 1 ? groupedForward(gpu, own.x, own.filter, grouped) : convForward(gpu, own.x, own.filter, wide)],
    stock: stock.forward,
  };
  const toInput: LayerPass = {
    name: "input gradient",
    flops,
    ours: () => [
      groups > 1
        ? groupedInputGradient(gpu, own.dy, own.filter, grouped)
        : convInputGradient(gpu, own.dy, own.filter, wide),
    ],
    stock: stock.input,
  };
  const toFilter: LayerPass = {
    name: "filter gradient",
    flops,
    ours: () => [
      groups > 1
        ? groupedFilterGradient(gpu, own.x, own.dy, own.filter.shape, grouped)
        : convFilterGradient(gpu, own.x, own.dy, wide),
    ],
    stock: stock.filter,
  };
  return {
    passes: inputGradient ? [forward, toInput, toFilter] : [forward, toFilter],
    [Symbol.dispose]: () => tf.dispose(tensors),
  };
}

interface StockPasses {
  readonly forward: () => Tensor[];
  readonly input: () => Tensor[];
  readonly filter: () => Tensor[];
}

interface ConvTensors {
  readonly x: tf.Tensor4D;
  readonly filter: tf.Tensor4D;
  readonly dy: tf.Tensor4D;
}

/** The kernels that tfjs's conv2d and its gradient run. */
function stockConv({ x, filter, dy }: ConvTensors, { stride, pad }: { stride: number; pad: number }): StockPasses {
  const attributes = { strides: [stride, stride], pad, dataFormat: "NHWC", dimRoundingMode: undefined };
  const kernel = (name: string, inputs: Record<string, Tensor>, more: Record<string, unknown>) => () => [
    tf.engine().runKernel(name, inputs as unknown as tf.NamedTensorMap, { ...attributes, ...more } as never) as Tensor,
  ];
  return {
    forward: () => [tf.conv2d(x, filter, stride, pad)],
    input: kernel("Conv2DBackpropInput", { dy, filter }, { inputShape: x.shape }),
    filter: kernel("Conv2DBackpropFilter", { x, dy }, { filterShape: filter.shape }),
  };
}

/** Groups as stock tfjs can do them; the gradients by its tape, each with the forward pass's rearranging. */
function stockGrouped(
  { x, filter, dy }: ConvTensors,
  options: { stride: number; pad: number; groups: number },
): StockPasses {
  const gradient = (by: (value: tf.Tensor4D) => tf.Tensor, at: tf.Tensor4D) => () => {
    const toIt = tf.grad((value) => by(value as tf.Tensor4D));
    return [toIt(at, dy)];
  };
  return {
    forward: () => [tf.tidy(() => stockGroupedConv2d(x, filter, options))],
    input: gradient((value) => stockGroupedConv2d(value, filter, options), x),
    filter: gradient((value) => stockGroupedConv2d(x, value, options), filter),
  };
}

function stockLinear({ x, filter, dy }: ConvTensors, { batch, input, output }: ConvLayer): StockPasses {
  const inputs = input[0] * input[1] * input[2];
  const rows = x.reshape<tf.Tensor2D>([batch, inputs]);
  const matrix = filter.reshape<tf.Tensor2D>([inputs, output[2]]);
  const toRows = dy.reshape<tf.Tensor2D>([batch, output[2]]);
  return {
    forward: () => [tf.matMul(rows, matrix)],
    input: () => [tf.matMul(toRows, matrix, false, true)],
    filter: () => [tf.matMul(rows, toRows, true, false)],
  };
}

/** Tensors of the input's size that a batch-norm reads or writes: twice x, y; twice x and dy, dx. */
const NORM_MOVES = 8;

function normPasses(gpu: Gpu, { shape, follow }: NormShape): LayerPasses {
  const channels = shape[shape.length - 1];
  const [x, residual, dy] = [1, 2, 3].map((seed) => noise(gpu, shape, 1, seed));
  const row = (value: number) => tf.tidy(() => tf.variable(tf.fill([channels], value)));
  const [weight, bias, slope, runningMean, runningVariance] = [1, 0, 0.25, 0, 1].map(row);
  const tensors = [x, residual, dy, weight, bias, slope, runningMean, runningVariance];
  for (const tensor of tensors) gpu.kernels.buffer(tensor);
  const inputs = [x, weight, bias, ...(follow === "prelu" ? [slope] : follow === "sum" ? [residual] : [])];
  const ours = tf.grads((x, weight, bias, more) =>
    batchNorm(gpu, x, { weight, bias, runningMean, runningVariance }, {
      training: true,
      slope: follow === "prelu" ? more : undefined,
      residual: follow === "sum" ? more : undefined,
    })
  );
  const stock = tf.grads((x, weight, bias, more) => {
    const parts: Record<string, Tensor> = { weight, bias, running_mean: runningMean, running_var: runningVariance };
    const y = stockBatchNorm(x, (part) => parts[part]);
    return follow === "prelu" ? tf.prelu(y, more) : follow === "sum" ? y.add(more) : y;
  });
  const bytes = 4 * x.size * (NORM_MOVES + (follow === "sum" ? 1 : 0));
  const run = (gradients: typeof ours) => () => gradients(inputs, dy);
  return {
    passes: [{ name: "forward and gradients", bytes, ours: run(ours), stock: run(stock) }],
    [Symbol.dispose]: () => tf.dispose(tensors),
  };
}
