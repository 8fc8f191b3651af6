import * as tf from "../deps/tfjs.ts";
import { gradientOp } from "../gpu/ops/gradient_op.ts";
import type { HeadStep } from "./head.ts";

/** Where a margin is put: on the angle (ArcFace) or on the cosine (CosFace). */
export type MarginKind = "angular" | "additive";

/** Margins of a step, decided without gradient from what the forward pass knows. */
export interface StepMargins {
  /** Margin of each sample, [batch]. */
  readonly ofSamples: tf.Tensor1D;
  /** Reported mean, maximum and minimum, and the convergence parameter (0 where a head has none), each a scalar. */
  readonly report: {
    readonly t: tf.Scalar;
    readonly mean: tf.Scalar;
    readonly max: tf.Scalar;
    readonly min: tf.Scalar;
  };
}

/** Below this a row's length counts as this, as in PyTorch's normalize. */
const SHORTEST = 1e-12;

/**
 * Cross-entropy of `scale` times the cosines between embeddings [B, D] and class weights [C, D], where the label's cosine is
 * replaced by one with a margin; see the method's equations 5 and 6. `decide` is called with the labels' cosines [B] and gives
 * the margins.
 *
 * The gradient is written out rather than left to the tape: it stays finite where a cosine is 1 or -1, where that of
 * sqrt(1 - cos^2) is not, and keeps one [B, C] tensor.
 */
export function marginSoftmax(
  embeddings: tf.Tensor2D,
  weight: tf.Tensor2D,
  labels: tf.Tensor1D,
  options: { scale: number; kind: MarginKind; decide: (targetCosines: tf.Tensor1D) => StepMargins },
): HeadStep {
  const [batch] = embeddings.shape;
  const [classes] = weight.shape;
  const { scale, kind, decide } = options;
  let metrics: tf.Tensor1D | undefined;
  const loss = gradientOp(
    { embeddings, weight },
    (save) => {
      const e = normalizeRows(embeddings);
      const w = normalizeRows(weight);
      const cosines = tf.matMul(e.unit, w.unit, false, true);
      // tf.oneHot() refuses a single class.
      const onehot = labels.expandDims(1).equal(tf.range(0, classes, 1, "int32")).toFloat();
      const target = cosines.mul(onehot).sum(1) as tf.Tensor1D;
      const margins = decide(target);
      const { phi, slope } = kind === "angular"
        ? angularMargin(target, margins.ofSamples)
        : { phi: target.sub(margins.ofSamples) as tf.Tensor1D, slope: tf.onesLike(target) };
      const logits = cosines.add(onehot.mul(phi.sub(target).expandDims(1))).mul(scale);
      const top = logits.max(1, true);
      const exponents = logits.sub(top).exp();
      const sums = exponents.sum(1, true);
      const value = sums.log().add(top).squeeze<tf.Tensor1D>([1]).sub(phi.mul(scale)).mean() as tf.Scalar;
      // d loss / d cosine, for an upstream gradient of 1.
      const cosineGradient = exponents.div(sums).sub(onehot).mul(scale / batch)
        .mul(onehot.mul(slope.sub(1).expandDims(1)).add(1));
      save([e.unit, e.inverse, w.unit, w.inverse, cosineGradient]);
      const right = cosines.argMax(1).equal(labels).toFloat().sum() as tf.Scalar;
      const { t, mean, max, min } = margins.report;
      metrics = tf.keep(tf.stack([t, mean, max, min, right].map((x) => x.asScalar()))) as tf.Tensor1D;
      return value;
    },
    (dy, [eUnit, eInverse, wUnit, wInverse, cosineGradient]) => {
      const upstream = cosineGradient.mul(dy) as tf.Tensor2D;
      return {
        embeddings: () => tangent(tf.matMul(upstream, wUnit as tf.Tensor2D), eUnit, eInverse),
        weight: () => tangent(tf.matMul(upstream, eUnit as tf.Tensor2D, true, false), wUnit, wInverse),
      };
    },
  ) as tf.Scalar;
  return { loss, metrics: metrics! };
}

/**
 * Unit rows, and the factor [rows, 1] of their gradient: the inverse length, or 0 for a row of no length, whose direction
 * does not exist and whose gradient would be 1e12 times too large to survive.
 */
function normalizeRows(x: tf.Tensor2D): { unit: tf.Tensor2D; inverse: tf.Tensor2D } {
  const length = x.square().sum(1, true).sqrt();
  const inverse = length.maximum(SHORTEST).reciprocal() as tf.Tensor2D;
  return { unit: x.mul(inverse), inverse: inverse.mul(length.greater(SHORTEST).toFloat()) };
}

/** Gradient through the normalisation of rows: what lies along a row falls away. */
function tangent(gradient: tf.Tensor, unit: tf.Tensor, inverse: tf.Tensor): tf.Tensor {
  return gradient.sub(unit.mul(gradient.mul(unit).sum(1, true))).mul(inverse);
}

/**
 * phi = cos(theta + margin), continued by a straight line where theta + margin passes pi, and its derivative by the cosine. Where the
 * sine is zero the derivative's singular term is left out: the direction it multiplies has length zero there.
 */
function angularMargin(target: tf.Tensor1D, margin: tf.Tensor1D): { phi: tf.Tensor1D; slope: tf.Tensor1D } {
  const cosMargin = margin.cos();
  const sinMargin = margin.sin();
  const sine = tf.sub(1, target.square()).clipByValue(0, 1).sqrt();
  // cos(pi - m) = -cos m, sin(pi - m) = sin m
  const within = target.greater(cosMargin.neg());
  const phi = tf.where(within, target.mul(cosMargin).sub(sine.mul(sinMargin)), target.sub(sinMargin.mul(margin)));
  const ratio = tf.where(sine.greater(0), target.div(sine.maximum(1e-12)), tf.zerosLike(target));
  const slope = tf.where(within, cosMargin.add(ratio.mul(sinMargin)), tf.onesLike(target));
  return { phi: phi as tf.Tensor1D, slope: slope as tf.Tensor1D };
}
