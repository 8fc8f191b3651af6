import * as tf from "../../deps/tfjs.ts";
import {
  type BatchNorm,
  batchNormApplyKernel,
  batchNormGradientPartsKernel,
  batchNormInputGradientKernel,
  batchNormParts,
} from "../kernels/batch_norm.ts";
import {
  batchNormMomentsKernel,
  batchNormPartsKernel,
  batchNormStatisticsKernel,
  runningStatisticsKernel,
  sharedStatisticsKernel,
} from "../kernels/batch_norm_statistics.ts";
import { sumPartsKernel } from "../kernels/sum_parts.ts";
import { gradientOp } from "./gradient_op.ts";
import type { Gpu } from "../start_webgpu.ts";
import { computedShares, sumOfShares, type Together } from "../together.ts";
import { sharesSums } from "./shares_sums.ts";

/** Epsilon and momentum of every batch-norm of the backbones. */
export const BATCH_NORM = { epsilon: 1e-5, momentum: 0.1 } as const;

/** What a batch-norm layer holds, each [channels], and over which images its statistics go. */
export interface BatchNormTensors {
  /** Ranks over whose images statistics are taken. @default this one alone */
  readonly together?: Together;
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
  readonly runningMean: tf.Tensor;
  readonly runningVariance: tf.Tensor;
}

/** What happens to the normalised values in the same pass over memory. */
export interface BatchNormOptions {
  /** Batch statistics, and the running ones move; else the running ones are used. */
  readonly training: boolean;
  /** Slopes [channels] of a PReLU that follows. */
  readonly slope?: tf.Tensor;
  /** Added to the result; same shape as `x`. */
  readonly residual?: tf.Tensor;
  /** The result is kept in half precision, where its channels come in fours. @default false */
  readonly half?: boolean;
}

/**
 * Batch-norm over the last axis, with PReLU or a residual sum in the same pass, and gradients for x, weight, bias, slope
 * and residual. The backward pass keeps x and the statistics and computes normalised values again.
 */
export function batchNorm<T extends tf.Tensor>(gpu: Gpu, x: T, layer: BatchNormTensors, options: BatchNormOptions): T {
  const channels = x.shape[x.shape.length - 1];
  const rows = x.size / channels;
  const { slope, residual, training } = options;
  const half = options.half && channels % 4 === 0;
  if (slope && residual) {
    throw new Error("batchNorm: PReLU and a residual sum in one pass are not needed by any backbone");
  }
  const prelu = slope !== undefined;
  const norm: BatchNorm = { rows, channels, shared: sharesSums(gpu) };
  const statistics = statisticsOf(gpu, x, layer, training);
  const { weight, bias } = layer;
  const optional = { ...(slope && { slope }), ...(residual && { residual }) };
  return gradientOp(
    { x, weight, bias, ...optional },
    (save) => {
      save([x, weight, bias, statistics, ...(slope ? [slope] : [])]);
      const spec = batchNormApplyKernel({ ...norm, prelu, residual: residual !== undefined });
      return gpu.kernels.run(spec, [x, statistics, weight, bias, ...Object.values(optional)], [{
        shape: x.shape,
        half,
      }])[0];
    },
    (dy, saved) => {
      if (!training) throw new Error("batchNorm: no gradient through running statistics");
      const [dx, dWeight, dBias, dSlope] = batchNormGradients(gpu, dy, saved, norm, prelu, layer.together);
      return {
        x: () => dx,
        weight: () => dWeight,
        bias: () => dBias,
        slope: () => dSlope,
        // A clone: the tape disposes of gradients it has added up.
        residual: () => dy.clone(),
      };
    },
  ) as T;
}

/** [2, channels]: mean and 1 / sqrt(variance + epsilon), of the batch (the running ones move) or the running ones. */
export function statisticsOf(gpu: Gpu, x: tf.Tensor, layer: BatchNormTensors, training: boolean): tf.Tensor {
  if (training) return batchStatistics(gpu, x, layer);
  const channels = x.shape[x.shape.length - 1];
  return gpu.kernels.run(
    runningStatisticsKernel(channels, BATCH_NORM.epsilon),
    [layer.runningMean, layer.runningVariance],
    [{ shape: [2, channels] }],
  )[0];
}

function batchStatistics(gpu: Gpu, x: tf.Tensor, layer: BatchNormTensors): tf.Tensor {
  const channels = x.shape[x.shape.length - 1];
  const norm: BatchNorm = { rows: x.size / channels, channels, shared: sharesSums(gpu) };
  return tf.tidy(() => {
    const [parts] = gpu.kernels.run(batchNormPartsKernel(norm), [x], [{ shape: [2, batchNormParts(norm), channels] }]);
    if (layer.together?.isActive) return sharedStatistics(gpu, parts, norm, layer, layer.together);
    const spec = batchNormStatisticsKernel(norm, BATCH_NORM.epsilon, BATCH_NORM.momentum);
    return gpu.kernels.run(spec, [parts], [{ shape: [2, channels] }, layer.runningMean, layer.runningVariance])[0];
  });
}

function sharedStatistics(
  gpu: Gpu,
  parts: tf.Tensor,
  norm: BatchNorm,
  { runningMean, runningVariance }: BatchNormTensors,
  together: Together,
): tf.Tensor {
  const { channels } = norm;
  const [own] = gpu.kernels.run(batchNormMomentsKernel(norm), [parts], [{ shape: [1, 2, channels] }]);
  const computed = computedShares(together);
  const rows = computed.map((images) => images * norm.rows / computed[together.rank]);
  const moments = together.gather(own, new Array(together.size).fill(1));
  const spec = sharedStatisticsKernel(channels, rows, BATCH_NORM.epsilon, BATCH_NORM.momentum);
  return gpu.kernels.run(spec, [moments], [{ shape: [2, channels] }, runningMean, runningVariance])[0];
}

/**
 * Sums of a backward pass over the rows of all ranks, as large as this rank's rows would have them. Each rank's gradients are those of the mean
 * over its own images.
 */
function sharedGradientSums(sums: readonly tf.Tensor[], together: Together): tf.Tensor[] {
  const computed = computedShares(together);
  const [own, all] = [together.shares[together.rank], sumOfShares(together)];
  const sum = together.sum(tf.stack([...sums]).mul(own / all));
  const rows = computed[together.rank] / computed.reduce((a, b) => a + b);
  return tf.unstack(sum.mul(own === 0 ? 0 : all / own * rows));
}

/**
 * Gradients of x, weight, bias and, with PReLU, slope; `saved` is x, weight, bias, statistics, [slope]. Statistics that were taken `together`
 * lead gradients of one rank to the images of another.
 */
export function batchNormGradients(
  gpu: Gpu,
  dy: tf.Tensor,
  saved: tf.Tensor[],
  norm: BatchNorm,
  prelu: boolean,
  together?: Together,
): tf.Tensor[] {
  const [x, weight, bias, statistics, slope] = saved;
  const count = prelu ? 3 : 2;
  const parts = batchNormParts(norm);
  return tf.tidy(() => {
    const [table] = gpu.kernels.run(
      batchNormGradientPartsKernel({ ...norm, prelu }),
      [x, dy, statistics, ...(prelu ? [weight, bias, slope] : [])],
      [{ shape: [count, parts, norm.channels] }],
    );
    const sums = new Array(count).fill({ shape: [norm.channels] });
    const [dBias, dWeight, dSlope] = gpu.kernels.run(
      sumPartsKernel(count, parts, norm.channels, norm.shared),
      [table],
      sums,
    );
    const [sum, product] = together?.isActive ? sharedGradientSums([dBias, dWeight], together) : [dBias, dWeight];
    const [dx] = gpu.kernels.run(
      batchNormInputGradientKernel({ ...norm, prelu }),
      [x, dy, statistics, sum, product, weight, ...(prelu ? [bias, slope] : [])],
      [{ shape: x.shape }],
    );
    return prelu ? [dx, dWeight, dBias, dSlope] : [dx, dWeight, dBias];
  });
}
