import type * as tf from "../deps/tfjs.ts";
import type { Together } from "../gpu/together.ts";
import { batchNorm, type BatchNormTensors } from "../gpu/ops/batch_norm.ts";
import { conv2d, type Conv2dOptions } from "../gpu/ops/conv2d.ts";
import { type NormBefore, normConv2d } from "../gpu/ops/norm_conv2d.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Initializer, Parameters } from "./parameters.ts";

/**
 * What goes from layer to layer: a tensor, NHWC, and perhaps a batch-norm (with PReLU) that has yet to be done to it. The next
 * convolution does it, and the normalised tensor is not kept.
 */
export interface Signal {
  readonly x: tf.Tensor4D;
  readonly norm?: NormBefore;
}

/** The tensor of a signal, normalised if that has yet to be done. */
export function settle({ gpu, half }: LayerContext, { x, norm }: Signal): tf.Tensor4D {
  if (!norm) return x;
  const { tensors, training, slope } = norm;
  return batchNorm(gpu, x, tensors, { training, slope, half: half && training });
}

/** A part of a network. */
export type Layer = (signal: Signal, training: boolean) => Signal;

/** What the layers of one model share: where they compute and where their parameters are. */
export interface LayerContext {
  readonly gpu: Gpu;
  readonly parameters: Parameters;
  /** Tensors between the layers are kept in half precision in training. */
  readonly half: boolean;
  /** Ranks over whose images batch-norms take their statistics. @default this one alone */
  readonly together?: Together;
}

/** Shape of a convolution layer. */
export interface ConvShape extends Conv2dOptions {
  readonly inputs: number;
  readonly outputs: number;
  /** Height and width of the filter. */
  readonly size: number;
}

/** A convolution without bias, `NAME.weight`. */
export function convLayer(
  { gpu, parameters, half }: LayerContext,
  name: string,
  shape: ConvShape,
  init: Initializer,
): (signal: Signal, training: boolean) => tf.Tensor4D {
  const dims = [shape.outputs, shape.inputs / (shape.groups ?? 1), shape.size, shape.size] as const;
  const filter = parameters.add(`${name}.weight`, dims, init, { filter: dims }) as unknown as tf.Tensor4D;
  return ({ x, norm }, training) => {
    const options = { ...shape, half: half && training };
    return norm ? normConv2d(gpu, x, norm, filter, options) : conv2d(gpu, x, filter, options);
  };
}

/** What follows the normalisation in the same pass over memory. */
export interface BatchNormFollow {
  /** Slopes of a PReLU. */
  readonly slope?: tf.Variable;
  /** A tensor to add. */
  readonly residual?: tf.Tensor4D;
  /** Whether the result is kept in half precision. @default what the context says */
  readonly half?: boolean;
}

/** A batch-norm of the last axis: `NAME.weight`, `.bias`, `.running_mean`, `.running_var`. */
export interface BatchNormLayer {
  /** The normalised tensor. */
  now<T extends tf.Tensor>(x: T, training: boolean, follow?: BatchNormFollow): T;
  /** Leaves it, and the PReLU of these slopes, to the convolution that comes next. */
  later(x: tf.Tensor4D, training: boolean, slope?: tf.Variable): Signal;
}

/** Makes a batch-norm. */
export function batchNormLayer(
  { gpu, parameters, half, together }: LayerContext,
  name: string,
  channels: number,
  options: { trainWeight?: boolean } = {},
): BatchNormLayer {
  const { trainWeight = true } = options;
  const tensors: BatchNormTensors = {
    together,
    weight: parameters.add(`${name}.weight`, [channels], () => 1, { trainable: trainWeight }),
    bias: parameters.add(`${name}.bias`, [channels], () => 0),
    runningMean: parameters.add(`${name}.running_mean`, [channels], () => 0, { trainable: false }),
    runningVariance: parameters.add(`${name}.running_var`, [channels], () => 1, { trainable: false }),
  };
  return {
    now: (x, training, follow = {}) => batchNorm(gpu, x, tensors, { training, half: half && training, ...follow }),
    later: (x, training, slope) => ({ x, norm: { tensors, slope, training } }),
  };
}

/** Slopes of a PReLU, one per channel, `NAME.weight`; the pass of a batch-norm applies them. */
export function preluSlope({ parameters }: LayerContext, name: string, channels: number): tf.Variable {
  return parameters.add(`${name}.weight`, [channels], () => 0.25);
}
