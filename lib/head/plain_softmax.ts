import * as tf from "../deps/tfjs.ts";
import { InputError } from "../errors.ts";
import { gradientOp } from "../gpu/ops/gradient_op.ts";
import type { HeadStep } from "./head.ts";
import { hardnessOf, type MarginOptions, normalizeRows, withMargin } from "./margin.ts";

/** Product of lengths under which a cosine between weight and center counts as this, as in PyTorch's cosine_similarity. */
const SMALLEST_PRODUCT = 1e-8;

/**
 * Cross-entropy of `scale` times the cosines between embeddings [B, D] and class weights [C, D], where the label's cosine is
 * replaced by one with a margin, written with tfjs's own operations and a [B, C] tensor: the reference that classSoftmax is tested
 * against, and what runs where an embedding's length is no multiple of four.
 *
 * The gradient is written out rather than left to the tape: it stays finite where a cosine is 1 or -1, where that of
 * sqrt(1 - cos^2) is not, and keeps one [B, C] tensor.
 */
export function plainSoftmax(
  embeddings: tf.Tensor2D,
  [weight, ...more]: readonly tf.Tensor2D[],
  labels: tf.Tensor1D,
  options: MarginOptions,
): HeadStep {
  if (more.length > 0) {
    throw new InputError(
      `Cannot train ${weight.shape[0]} classes and more with embeddings of ${weight.shape[1]} values: expected an ` +
        `--embedding-size that is a multiple of 4, found ${weight.shape[1]}`,
    );
  }
  const [batch] = embeddings.shape;
  const [classes] = weight.shape;
  const { scale, kind, centers, moveCenters, decide } = options;
  let metrics: tf.Tensor1D | undefined;
  const loss = gradientOp(
    { embeddings, weight },
    (save) => {
      moveCenters?.({ embeddings, labels });
      const e = normalizeRows(embeddings);
      const w = normalizeRows(weight);
      const cosines = tf.matMul(e.unit, w.unit, false, true);
      // tf.oneHot() refuses a single class.
      const onehot = labels.expandDims(1).equal(tf.range(0, classes, 1, "int32")).toFloat();
      const target = cosines.mul(onehot).sum(1) as tf.Tensor1D;
      const hardness = centers && hardnessOf(hardnessOfClasses(weight, centers[0] as tf.Tensor2D), labels);
      const margins = decide({ targetCosines: target, hardness });
      const { phi, slope } = withMargin(kind, target, margins.ofSamples);
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

/** Gradient through the normalisation of rows: what lies along a row falls away. */
function tangent(gradient: tf.Tensor, unit: tf.Tensor, inverse: tf.Tensor): tf.Tensor {
  return gradient.sub(unit.mul(gradient.mul(unit).sum(1, true))).mul(inverse);
}

/** 1 - cosine of each class's weight and center. */
function hardnessOfClasses(weight: tf.Tensor2D, centers: tf.Tensor2D): tf.Tensor1D {
  const lengths = weight.square().sum(1).sqrt().mul(centers.square().sum(1).sqrt()).maximum(SMALLEST_PRODUCT);
  return tf.sub(1, weight.mul(centers).sum(1).div(lengths));
}
