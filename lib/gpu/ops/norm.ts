import type * as tf from "../../deps/tfjs.ts";
import { batchNormApplyKernel } from "../kernels/batch_norm.ts";
import type { NormOnLoad } from "../kernels/norm_on_load.ts";
import type { Gpu } from "../start_webgpu.ts";

/** A batch-norm whose statistics are known, and the PReLU after it, that have yet to be done to a tensor. */
export interface Norm {
  /** [2, channels]: mean, and 1 / sqrt(variance + epsilon). */
  readonly statistics: tf.Tensor;
  /** [channels]. */
  readonly weight: tf.Tensor;
  /** [channels]. */
  readonly bias: tf.Tensor;
  /** Slopes of the PReLU, [channels]. */
  readonly slope?: tf.Tensor;
  /** The same as one table for kernels that do it while they read: mean, scale, shift, slope; [3 or 4, channels]. */
  readonly table: tf.Tensor;
}

/** What kernels that normalise while they read have to know of it. */
export function onLoad(norm: Norm | undefined): NormOnLoad | undefined {
  return norm && { prelu: norm.slope !== undefined };
}

/** The normalised tensor, where a kernel cannot do it while it reads. */
export function applyNorm(gpu: Gpu, x: tf.Tensor, norm: Norm): tf.Tensor {
  const channels = x.shape[x.shape.length - 1];
  const { statistics, weight, bias, slope } = norm;
  const spec = batchNormApplyKernel({
    rows: x.size / channels,
    channels,
    prelu: slope !== undefined,
    residual: false,
  });
  return gpu.kernels.run(spec, [x, statistics, weight, bias, ...(slope ? [slope] : [])], [{ shape: x.shape }])[0];
}
