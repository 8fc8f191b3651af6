import * as tf from "../deps/tfjs.ts";

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

/** Hardness of classes: 1 - cosine of weight and center. */
export interface Hardness {
  /** Of each sample's class, [batch]. */
  readonly ofSamples: tf.Tensor1D;
  /** Of the easiest class. */
  readonly least: tf.Scalar;
  /** Of the hardest class. */
  readonly most: tf.Scalar;
  /** Mean over the classes. */
  readonly mean: tf.Scalar;
}

/** What the margins are decided from. */
export interface ClassFacts {
  /** Cosine of each sample with its own class; of all ranks' samples, where ranks take the step together. */
  readonly targetCosines: tf.Tensor1D;
  /** Where centers were given. */
  readonly hardness: Hardness | undefined;
}

/** Embeddings and labels of a step. */
export interface Samples {
  /** [batch, dim]. */
  readonly embeddings: tf.Tensor2D;
  /** [batch], int32. */
  readonly labels: tf.Tensor1D;
}

/** How the loss is made. */
export interface MarginOptions {
  /** Multiplies the cosines. */
  readonly scale: number;
  /** Where the margin is put. */
  readonly kind: MarginKind;
  /** Class centers [classes, dim], in parts as the weights are, for the hardness. */
  readonly centers?: readonly tf.Tensor[];
  /** Called first: moves the centers by the embeddings of all samples, of all ranks where these take the step together. */
  readonly moveCenters?: (samples: Samples) => void;
  /** Gives the margins, without gradient. */
  readonly decide: (facts: ClassFacts) => StepMargins;
}

/** Hardness from that of every class, for samples of these labels. */
export function hardnessOf(ofClasses: tf.Tensor1D, labels: tf.Tensor1D): Hardness {
  return {
    ofSamples: tf.gather(ofClasses, labels) as tf.Tensor1D,
    least: ofClasses.min() as tf.Scalar,
    most: ofClasses.max() as tf.Scalar,
    mean: ofClasses.mean() as tf.Scalar,
  };
}

/** Below this a row's length counts as this, as in PyTorch's normalize. */
const SHORTEST = 1e-12;

/**
 * Unit rows, and the factor [rows, 1] of their gradient: the inverse length, or 0 for a row of no length, whose direction
 * does not exist and whose gradient would be 1e12 times too large to survive.
 */
export function normalizeRows(x: tf.Tensor2D): { unit: tf.Tensor2D; inverse: tf.Tensor2D } {
  const length = x.square().sum(1, true).sqrt();
  const inverse = length.maximum(SHORTEST).reciprocal() as tf.Tensor2D;
  return { unit: x.mul(inverse), inverse: inverse.mul(length.greater(SHORTEST).toFloat()) };
}

/**
 * phi = cos(theta + margin), continued by a straight line where theta + margin passes pi, and its derivative by the cosine. Where the
 * sine is zero the derivative's singular term is left out: the direction it multiplies has length zero there.
 */
export function angularMargin(target: tf.Tensor1D, margin: tf.Tensor1D): { phi: tf.Tensor1D; slope: tf.Tensor1D } {
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

/** What takes the place of the cosine of each sample with its class, and its derivative by it. */
export function withMargin(
  kind: MarginKind,
  target: tf.Tensor1D,
  margins: tf.Tensor1D,
): { phi: tf.Tensor1D; slope: tf.Tensor1D } {
  if (kind === "angular") return angularMargin(target, margins);
  return { phi: target.sub(margins), slope: tf.onesLike(target) };
}
