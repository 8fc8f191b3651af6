import type * as tf from "../deps/tfjs.ts";
import { normConv2d } from "../gpu/ops/norm_conv2d.ts";
import type { BackboneForward, BackboneOptions } from "./backbone.ts";
import { batchNormLayer, convLayer, type LayerContext, preluSlope } from "./layers.ts";
import { normal, uniform } from "./random.ts";

/** Blocks in each of the four layers. */
export const IRESNET_BLOCKS: Readonly<Record<string, readonly [number, number, number, number]>> = {
  iresnet18: [2, 2, 2, 2],
  iresnet34: [3, 4, 6, 3],
  iresnet50: [3, 4, 14, 3],
  iresnet100: [3, 13, 30, 3],
  iresnet200: [6, 26, 60, 6],
};

/** Channels of the four layers at width 1; the stem has those of the first. */
const CHANNELS = [64, 128, 256, 512];

const convInit = (seed: number, i: number) => 0.1 * normal(seed, i);

/**
 * The improved ResNet of the ArcFace family: batch-norm before each block's first convolution, PReLU, no pooling.
 *
 * @source Deng et al., "ArcFace", 2019; names and initial values as in insightface's iresnet.py
 */
export function buildIResNet(
  context: LayerContext,
  blocks: readonly number[],
  { width, imageSize, embeddingSize }: Required<BackboneOptions>,
): BackboneForward {
  const channels = CHANNELS.map((count) => Math.max(1, Math.round(count * width)));
  const stem = convLayer(context, "conv1", { inputs: 3, outputs: channels[0], size: 3, pad: 1 }, convInit);
  const stemNorm = batchNormLayer(context, "bn1", channels[0]);
  const stemSlope = preluSlope(context, "prelu", channels[0]);
  const body: Block[] = [];
  let inputs = channels[0];
  let size = imageSize;
  blocks.forEach((count, layer) => {
    for (let b = 0; b < count; b++) {
      body.push(block(context, `layer${layer + 1}.${b}`, inputs, channels[layer], b === 0 ? 2 : 1));
      inputs = channels[layer];
    }
    size = Math.ceil(size / 2);
  });
  const norm = batchNormLayer(context, "bn2", inputs);
  // The linear layer reads the flattened [channels, height, width]: the same as a convolution over all positions.
  const fan = inputs * size * size;
  const linearInit = (seed: number, i: number) => (2 * uniform(seed, i) - 1) / Math.sqrt(fan);
  const filter = [embeddingSize, inputs, size, size] as const;
  const weight = context.parameters.add("fc.weight", [embeddingSize, fan], linearInit, { filter });
  const bias = context.parameters.add("fc.bias", [embeddingSize], linearInit);
  const features = batchNormLayer(context, "features", embeddingSize, { trainWeight: false });

  return (images, training) => {
    let x = stemNorm.now(stem({ x: images }, training), training, { slope: stemSlope });
    for (const layer of body) x = layer(x, training);
    const linear = normConv2d(context.gpu, x, norm.later(x, training).norm!, weight as unknown as tf.Tensor4D);
    const flat = linear.reshape<tf.Tensor2D>([x.shape[0], embeddingSize]);
    return features.now(flat.add<tf.Tensor2D>(bias), training, { half: false });
  };
}

/** A residual block: what it gives is normalised already. */
type Block = (x: tf.Tensor4D, training: boolean) => tf.Tensor4D;

function block(context: LayerContext, name: string, inputs: number, outputs: number, stride: number): Block {
  const bn1 = batchNormLayer(context, `${name}.bn1`, inputs);
  const conv1 = convLayer(context, `${name}.conv1`, { inputs, outputs, size: 3, pad: 1 }, convInit);
  const bn2 = batchNormLayer(context, `${name}.bn2`, outputs);
  const slope = preluSlope(context, `${name}.prelu`, outputs);
  const conv2 = convLayer(context, `${name}.conv2`, { inputs: outputs, outputs, size: 3, pad: 1, stride }, convInit);
  const bn3 = batchNormLayer(context, `${name}.bn3`, outputs);
  const downsample = stride === 1 ? undefined : {
    conv: convLayer(context, `${name}.downsample.0`, { inputs, outputs, size: 1, stride }, convInit),
    norm: batchNormLayer(context, `${name}.downsample.1`, outputs),
  };
  return (x, training) => {
    const residual = downsample ? downsample.norm.now(downsample.conv({ x }, training), training) : x;
    const inner = conv1(bn1.later(x, training), training);
    return bn3.now(conv2(bn2.later(inner, training, slope), training), training, { residual });
  };
}
