import * as tf from "../deps/tfjs.ts";
import { updateCentersKernel } from "../gpu/kernels/update_centers.ts";
import { rowsPerBinding, tableRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Together } from "../gpu/together.ts";
import { Parameters } from "../nn/parameters.ts";
import { addClassTable, type ClassShare, sampleOf, splitOf } from "./class_share.ts";
import type { Head } from "./head.ts";
import type { ClassFacts, Samples, StepMargins } from "./margin.ts";
import { goesOverClasses, marginSoftmax } from "./margin_softmax.ts";

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
  /** Ranks that take a step together. @default this one alone */
  readonly together?: Together;
  /** Keeps a part of the classes; the others are other ranks' of {@linkcode CenterBiasOptions.together}. @default all */
  readonly split?: ClassShare;
  /** Share of the classes that take part in a step, with those of the batch's labels (Partial FC). @default 1 */
  readonly sampleRate?: number;
  /** Most labels of a step, of all ranks. */
  readonly batchSize?: number;
}

/**
 * ArcFace whose margin grows for hard classes; hardness is the bias between a class's weight and the mean of its embeddings.
 * Keeps `weight` [classes, dim], and the buffers `center` [classes, dim] and `t` [].
 *
 * @source "Face Recognition Based on Center Bias Estimation and Adaptive Margin"
 */
export function centerBiasHead(gpu: Gpu, options: CenterBiasOptions): Head {
  const { classes, embeddingSize, scale = 64, margin = 0.5, mM = 0.05 } = options;
  const { centerMomentum: mu = 0.99, constantT = false, repeatedLabel = "last", seed = 21, together } = options;
  const parameters = new Parameters(gpu, seed);
  const weight = addClassTable(parameters, "weight", options);
  const center = addClassTable(parameters, "center", options, { trainable: false });
  const split = splitOf(options);
  const sample = sampleOf(gpu, options);
  const t = parameters.add("t", [], () => 0, { trainable: false });

  const ranges = tableRanges(center, rowsPerBinding(gpu, embeddingSize));

  function moveCenters({ embeddings, labels }: Samples): void {
    for (const { first, count, of } of ranges) {
      gpu.kernels.run(
        updateCentersKernel(embeddings.shape[0], embeddingSize, count, mu, repeatedLabel),
        [embeddings, labels, tf.tensor1d([(split?.first ?? 0) + first], "int32")],
        [of(center)],
      );
    }
  }

  function decide({ targetCosines: target, hardness }: ClassFacts): StepMargins {
    const counted = target.notEqual(0).toFloat();
    const mean = target.mul(counted).sum().div(counted.sum());
    // With no target counted there is no mean: t stays.
    const moved = tf.where(counted.sum().greater(0), mean.mul(1 - mu).add(t.mul(mu)), t);
    gpu.kernels.assign(t, moved);
    const { ofSamples, least, most, mean: meanHardness } = hardness!;
    const range = most.sub(least);
    // One class, or all alike: nobody is harder than the others. A mean over a part of them may fall out of the range by a rounding.
    const share = tf.where(range.greater(0), range.maximum(1e-30).reciprocal(), tf.zerosLike(range));
    const grown = share.mul(constantT ? 1 : t.clipByValue(0, 1)).mul(mM);
    const marginOf = (value: tf.Tensor) => value.sub(least).mul(grown).add(margin).clipByValue(margin, margin + mM);
    return {
      ofSamples: marginOf(ofSamples) as tf.Tensor1D,
      report: {
        t: constantT ? tf.scalar(1) : t.asScalar(),
        mean: marginOf(meanHardness) as tf.Scalar,
        max: marginOf(most) as tf.Scalar,
        min: marginOf(least) as tf.Scalar,
      },
    };
  }

  return {
    name: "center_bias",
    classes,
    parameters,
    updatesInPlace: goesOverClasses(embeddingSize),
    share: options.split,
    drawClasses: sample && ((labels, step) => sample.draw(labels, step)),
    step: (embeddings, labels, update) =>
      marginSoftmax(gpu, embeddings, weight, labels, {
        scale,
        kind: "angular",
        centers: center,
        moveCenters,
        decide,
      }, { update, together, split, sample }),
    dispose: () => {
      sample?.dispose();
      parameters.dispose();
    },
  };
}
