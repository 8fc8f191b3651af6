import type * as tf from "../deps/tfjs.ts";
import { conv2d } from "../gpu/ops/conv2d.ts";
import type { BackboneForward, BackboneOptions } from "./backbone.ts";
import {
  batchNormLayer,
  convLayer,
  type ConvShape,
  type Layer,
  type LayerContext,
  preluSlope,
  settle,
  type Signal,
} from "./layers.ts";
import { normal } from "./random.ts";

/** Blocks of the four stages and the multiple of 64 channels of the first. */
export const MOBILEFACENET_SHAPES: Readonly<Record<string, MobileFaceNetShape>> = {
  mbf: { blocks: [1, 4, 6, 2], scale: 2 },
  mbf_large: { blocks: [2, 8, 12, 4], scale: 4 },
};

/** Depth and width of a MobileFaceNet. */
export interface MobileFaceNetShape {
  readonly blocks: readonly [number, number, number, number];
  readonly scale: number;
}

/** Channels before the global depthwise convolution, at width 1. */
const LAST_CHANNELS = 512;

/** Kaiming normal over fan-out, gain of ReLU; as PyTorch counts it, groups do not lessen the fan. */
const kaiming = (fanOut: number) => (seed: number, i: number) => Math.sqrt(2 / fanOut) * normal(seed, i);

/**
 * MobileFaceNet, its stages by the names of insightface's mobilefacenet.py.
 *
 * @source Chen et al., "MobileFaceNets", 2018
 */
export function buildMobileFaceNet(
  context: LayerContext,
  { blocks, scale }: MobileFaceNetShape,
  { width, imageSize, embeddingSize }: Required<BackboneOptions>,
): BackboneForward {
  const scaled = (count: number) => Math.max(1, Math.round(count * width));
  const first = scale * scaled(64);
  const second = 2 * first;
  const groups = [scaled(128), scaled(256), scaled(512)] as const;
  const last = scaled(LAST_CHANNELS);
  const stages: Layer[] = [
    convBlock(context, "layers.0", { inputs: 3, outputs: first, size: 3, stride: 2, pad: 1 }),
    blocks[0] === 1
      ? convBlock(context, "layers.1", { inputs: first, outputs: first, size: 3, pad: 1, groups: scaled(64) })
      : residualStage(context, "layers.1", first, blocks[0], groups[0]),
    depthWise(context, "layers.2", first, first, groups[0], 2),
    residualStage(context, "layers.3", first, blocks[1], groups[0]),
    depthWise(context, "layers.4", first, second, groups[1], 2),
    residualStage(context, "layers.5", second, blocks[2], groups[1]),
    depthWise(context, "layers.6", second, second, groups[2], 2),
    residualStage(context, "layers.7", second, blocks[3], groups[1]),
    convBlock(context, "conv_sep", { inputs: second, outputs: last, size: 1 }),
  ];
  const size = [1, 2, 3, 4].reduce((side) => Math.ceil(side / 2), imageSize);
  const global = linearBlock(context, "features.layers.0", { inputs: last, outputs: last, size, groups: last });
  const dims = [embeddingSize, last, 1, 1] as const;
  const linear = context.parameters.add("features.layers.2.weight", [embeddingSize, last], kaiming(embeddingSize), {
    filter: dims,
  });
  const norm = batchNormLayer(context, "features.layers.3", embeddingSize);

  return (images, training) => {
    const signal = stages.reduce<Signal>((signal, stage) => stage(signal, training), { x: images });
    const x = conv2d(context.gpu, global(signal, training).x, linear as unknown as tf.Tensor4D);
    return norm.now(x.reshape<tf.Tensor2D>([x.shape[0], embeddingSize]), training, { half: false });
  };
}

/** Convolution, batch-norm, PReLU; the latter two are left to what comes next. */
function convBlock(context: LayerContext, name: string, shape: ConvShape): Layer {
  const conv = convLayer(context, `${name}.layers.0`, shape, kaiming(shape.outputs * shape.size ** 2));
  const norm = batchNormLayer(context, `${name}.layers.1`, shape.outputs);
  const slope = preluSlope(context, `${name}.layers.2`, shape.outputs);
  return (signal, training) => norm.later(conv(signal, training), training, slope);
}

/** Convolution and batch-norm, with a tensor added where one is given. */
function linearBlock(
  context: LayerContext,
  name: string,
  shape: ConvShape,
): (signal: Signal, training: boolean, residual?: tf.Tensor4D) => Signal {
  const conv = convLayer(context, `${name}.layers.0`, shape, kaiming(shape.outputs * shape.size ** 2));
  const norm = batchNormLayer(context, `${name}.layers.1`, shape.outputs);
  return (signal, training, residual) => ({ x: norm.now(conv(signal, training), training, { residual }) });
}

/** 1x1 to `groups` channels, 3x3 depthwise, 1x1 to `outputs`; plus its input where `residual`. */
function depthWise(
  context: LayerContext,
  name: string,
  inputs: number,
  outputs: number,
  groups: number,
  stride: number,
  residual = false,
): Layer {
  const expand = convBlock(context, `${name}.layers.0`, { inputs, outputs: groups, size: 1 });
  const depth = convBlock(context, `${name}.layers.1`, {
    inputs: groups,
    outputs: groups,
    size: 3,
    pad: 1,
    stride,
    groups,
  });
  const project = linearBlock(context, `${name}.layers.2`, { inputs: groups, outputs, size: 1 });
  return (signal, training) => {
    const input: Signal = residual ? { x: settle(context, signal) } : signal;
    return project(depth(expand(input, training), training), training, residual ? input.x : undefined);
  };
}

function residualStage(context: LayerContext, name: string, channels: number, count: number, groups: number): Layer {
  const blocks = Array.from(
    { length: count },
    (_, i) => depthWise(context, `${name}.layers.${i}`, channels, channels, groups, 1, true),
  );
  return (signal, training) => blocks.reduce((inner, block) => block(inner, training), signal);
}
