import * as tf from "../deps/tfjs.ts";
import { updateCentersKernel } from "../gpu/kernels/update_centers.ts";
import { rowsPerBinding, tableRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { Parameters } from "../nn/parameters.ts";
import type { Head } from "./head.ts";
import type { StepMargins } from "./margin.ts";
import { goesOverClasses, marginSoftmax } from "./margin_softmax.ts";
import { xavierUniform } from "./xavier.ts";

/** The dials of the center-bias head. */
export interface CenterBiasOptions {
  /** Number of classes. */
  readonly classes: number;
  /** Length of an embedding. */
  readonly embeddingSize: number;
  /** Multiplies the cosines. @default 64 */
  readonly scale?: number;
  /** Smallest margin, radians. @default 0.5 */
  readonly margin?: number;
  /** What the hardest class gets on top at most, radians. @default 0.05 */
  readonly mM?: number;
  /** Share of the old value in the moving averages of centers and t. @default 0.99 */
  readonly centerMomentum?: number;
  /** Uses 1 in place of t. @default false */
  readonly constantT?: boolean;
  /** Which sample moves the center when a batch holds several of a class. @default "last" */
  readonly repeatedLabel?: "last" | "mean";
  /** Seed of weights and centers. @default 21 */
  readonly seed?: number;
  /** Classes whose weights are one tensor; a multiple of 64. Tests set it low. @default what a gigabyte and a buffer of the adapter hold */
  readonly partRows?: number;
}

/**
 * ArcFace whose margin grows for hard classes; hardness is the bias between a class's weight and the mean of its embeddings.
 * Keeps `weight` [classes, dim], and the buffers `center` [classes, dim] and `t` [].
 *
 * @source "Face Recognition Based on Center Bias Estimation and Adaptive Margin"
 */
export function centerBiasHead(gpu: Gpu, options: CenterBiasOptions): Head {
  const { classes, embeddingSize, scale = 64, margin = 0.5, mM = 0.05 } = options;
  const { centerMomentum: mu = 0.99, constantT = false, repeatedLabel = "last", seed = 21, partRows } = options;
  const parameters = new Parameters(gpu, seed);
  const shape = [classes, embeddingSize] as const;
  const weight = parameters.addTable("weight", shape, xavierUniform(...shape), { partRows });
  const center = parameters.addTable("center", shape, xavierUniform(...shape), { trainable: false, partRows });
  const t = parameters.add("t", [], () => 0, { trainable: false });

  const ranges = tableRanges(center, rowsPerBinding(gpu, embeddingSize));

  function moveCenters(embeddings: tf.Tensor2D, labels: tf.Tensor1D): void {
    for (const { first, count, of } of ranges) {
      gpu.kernels.run(
        updateCentersKernel(embeddings.shape[0], embeddingSize, count, mu, repeatedLabel),
        [embeddings, labels, tf.tensor1d([first], "int32")],
        [of(center)],
      );
    }
  }

  function decide(labels: tf.Tensor1D, target: tf.Tensor1D, hardness: tf.Tensor1D): StepMargins {
    const counted = target.notEqual(0).toFloat();
    const mean = target.mul(counted).sum().div(counted.sum());
    // With no target counted there is no mean: t stays.
    const moved = tf.where(counted.sum().greater(0), mean.mul(1 - mu).add(t.mul(mu)), t);
    gpu.kernels.assign(t, moved);
    const least = hardness.min();
    const range = hardness.max().sub(least);
    // One class, or all alike: nobody is harder than the others.
    const normalized = tf.where(
      range.greater(0),
      hardness.sub(least).div(range.maximum(1e-30)),
      tf.zerosLike(hardness),
    );
    const grown = normalized.mul(constantT ? 1 : t).mul(mM).add(margin);
    const margins = grown.clipByValue(margin, margin + mM);
    return {
      ofSamples: tf.gather(margins, labels) as tf.Tensor1D,
      report: {
        t: constantT ? tf.scalar(1) : t.asScalar(),
        mean: margins.mean() as tf.Scalar,
        max: margins.max() as tf.Scalar,
        min: margins.min() as tf.Scalar,
      },
    };
  }

  return {
    name: "center_bias",
    classes,
    parameters,
    updatesInPlace: goesOverClasses(embeddingSize),
    step: (embeddings, labels, update) =>
      marginSoftmax(gpu, embeddings, weight, labels, {
        scale,
        kind: "angular",
        centers: center,
        moveCenters: () => moveCenters(embeddings, labels),
        decide: ({ targetCosines, hardness }) => decide(labels, targetCosines, hardness!),
      }, update),
    dispose: () => parameters.dispose(),
  };
}
