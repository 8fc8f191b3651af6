import type * as tf from "../../deps/tfjs.ts";
import { normTableKernel } from "../kernels/batch_norm.ts";
import type { Gpu } from "../start_webgpu.ts";
import { batchNorm, batchNormGradients, type BatchNormTensors, statisticsOf } from "./batch_norm.ts";
import { conv2d, type Conv2dOptions, layerOf } from "./conv2d.ts";
import { convFilterGradient, convForward, convInputGradient } from "./conv_passes.ts";
import { gradientOp } from "./gradient_op.ts";
import { groupedFilterGradient, groupedForward, groupedInputGradient } from "./grouped_conv.ts";
import { applyNorm, type Norm } from "./norm.ts";
import { sharesSums } from "./shares_sums.ts";

/** A batch-norm before a convolution, and the PReLU between them. */
export interface NormBefore {
  readonly tensors: BatchNormTensors;
  /** Slopes [channels] of the PReLU. */
  readonly slope?: tf.Tensor;
  /** Batch statistics, and the running ones move; else the running ones are used. */
  readonly training: boolean;
}

/**
 * `conv2d(batchNorm(x), filter)` whose normalised tensor is not kept: the backward pass makes it again from x and the statistics, and
 * kernels that can do so normalise while they read, so that it is never written at all. Shapes as in {@linkcode conv2d}.
 */
export function normConv2d(
  gpu: Gpu,
  x: tf.Tensor4D,
  { tensors, slope, training }: NormBefore,
  filter: tf.Tensor4D,
  options: Conv2dOptions = {},
): tf.Tensor4D {
  const [channels, outputs] = [x.shape[3], filter.shape[3]];
  const { groups = 1 } = options;
  if (channels % 4 !== 0 || outputs % 4 !== 0) {
    // Channels that are padded: the two operations one after the other.
    return conv2d(gpu, batchNorm(gpu, x, tensors, { training, slope }), filter, options);
  }
  const layer = layerOf(x, filter, options);
  const grouped = { ...layer, groups };
  const { weight, bias } = tensors;
  const prelu = slope !== undefined;
  return gradientOp(
    { x, weight, bias, ...(slope && { slope }), filter },
    (save) => {
      const statistics = statisticsOf(gpu, x, tensors, training);
      const [table] = gpu.kernels.run(
        normTableKernel(channels, prelu),
        [statistics, weight, bias, ...(slope ? [slope] : [])],
        [{ shape: [prelu ? 4 : 3, channels] }],
      );
      save([x, weight, bias, statistics, table, filter, ...(slope ? [slope] : [])]);
      const norm: Norm = { statistics, weight, bias, slope, table };
      return groups > 1
        ? groupedForward(gpu, applyNorm(gpu, x, norm), filter, grouped)
        : convForward(gpu, x, filter, layer, norm);
    },
    (dy, [xSaved, weightSaved, biasSaved, statistics, table, filterSaved, slopeSaved]) => {
      if (!training) throw new Error("normConv2d: no gradient through running statistics");
      const norm: Norm = { statistics, weight: weightSaved, bias: biasSaved, slope: slopeSaved, table };
      const toFilter = groups > 1
        ? groupedFilterGradient(gpu, applyNorm(gpu, xSaved, norm), dy, filterSaved.shape, grouped)
        : convFilterGradient(gpu, xSaved, dy, layer, norm);
      const toNormal = groups > 1
        ? groupedInputGradient(gpu, dy, filterSaved, grouped)
        : convInputGradient(gpu, dy, filterSaved, layer);
      const saved = [xSaved, weightSaved, biasSaved, statistics, ...(prelu ? [slopeSaved] : [])];
      const size = { rows: xSaved.size / channels, channels, shared: sharesSums(gpu) };
      const [dx, dWeight, dBias, dSlope] = batchNormGradients(gpu, toNormal, saved, size, prelu, tensors.together);
      toNormal.dispose();
      return {
        x: () => dx,
        weight: () => dWeight,
        bias: () => dBias,
        slope: () => dSlope,
        filter: () => toFilter,
      };
    },
  ) as tf.Tensor4D;
}
