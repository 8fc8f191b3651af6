import * as tf from "../deps/tfjs.ts";
import { joinScanKernel, joinScanPartsKernel } from "../gpu/kernels/class_scan.ts";
import { sharesSums } from "../gpu/ops/shares_sums.ts";
import { gradientOp } from "../gpu/ops/gradient_op.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { imagesBefore, sumOfShares, type Together } from "../gpu/together.ts";
import { throughLengths } from "./class_gradients.ts";
import { classesAtOnce, classScan, targetCosines } from "./class_passes.ts";
import type { ClassSample } from "./class_sample.ts";
import { type ClassSoftmaxOptions, gatherSamples, partakingGradients, partakingRows } from "./class_softmax.ts";
import type { HeadStep } from "./head.ts";
import { type ClassFacts, type MarginOptions, normalizeRows, withMargin } from "./margin.ts";

/** The classes that a rank has of a classifier that is divided over the ranks. */
export interface ClassSplit {
  /** Number of the first. */
  readonly first: number;
  /** Number of all ranks' classes. */
  readonly total: number;
}

/** What each rank tells of the hardness of its classes: the least, the most, the sum. */
const TOLD = 3;

/**
 * The loss of classSoftmax where each rank has the weights and centers of a part of the classes, and goes over them with the samples of all
 * ranks. Exchanged are embeddings, what decides the margins, the largest logit and sum of exponentials of each sample, and the gradient of
 * the embeddings: everything else stays where it is, and is exactly what one rank with all classes would compute.
 *
 * The loss and the right answers are those of this rank's samples; the gradient of the class weights, or their update, is of all samples.
 */
export function splitSoftmax(
  gpu: Gpu,
  embeddings: tf.Tensor2D,
  weight: readonly tf.Tensor[],
  labels: tf.Tensor1D,
  options: MarginOptions,
  { update, sample, perForward = classesAtOnce(gpu, embeddings.shape[1]), perGradient }: ClassSoftmaxOptions,
  together: Together,
  { first: firstClass, total }: ClassSplit,
): HeadStep {
  const { scale, kind, centers, moveCenters, decide } = options;
  const batch = sumOfShares(together);
  const [before, own] = [imagesBefore(together), together.shares[together.rank]];
  let metrics: tf.Tensor1D | undefined;
  const loss = gradientOp(
    { embeddings, ...update ? {} : Object.fromEntries(weight.map((part, k) => [`weight${k}`, part])) },
    (save) => {
      const samples = gatherSamples(together, { embeddings, labels });
      moveCenters?.(samples);
      const e = normalizeRows(samples.embeddings);
      const { hardness, ...rows } = partakingRows(gpu, weight, centers, perForward, sample);
      const { inverse } = rows;
      const table = { ...rows, firstClass };
      const places = placesOf(samples.labels, sample, firstClass);
      const target = targetCosines(gpu, e.unit, places, table);
      const facts = sharedFacts(together, target, hardness, samples.labels, { first: firstClass, total });
      // Numbers of classes that take part are each rank's own: every label's is told by the rank that has it.
      const labelPlaces = sample ? together.sum(places.toFloat().relu()).toInt() : samples.labels;
      const margins = decide(facts);
      const { phi, slope } = withMargin(kind, facts.targetCosines, margins.ofSamples);
      const parts = classScan(gpu, { unit: e.unit, labels: places, phi, scale }, table);
      const [ofOwn] = gpu.kernels.run(joinScanPartsKernel(batch, parts.shape[0], sharesSums(gpu)), [parts], [{
        shape: [1, batch, 4],
      }]);
      const ofRanks = together.gather(ofOwn, new Array(together.size).fill(1));
      const [result] = gpu.kernels.run(joinScanKernel(batch, together.size), [ofRanks, labelPlaces], [
        { shape: [2, batch] },
      ]);
      const [sums, right] = tf.unstack(result) as tf.Tensor1D[];
      save([e.unit, e.inverse, inverse, phi, slope, sums, places, ...table.weight]);
      const { t, mean, max, min } = margins.report;
      const ownRight = own === 0 ? tf.scalar(0) : right.slice(before, own).sum();
      metrics = tf.keep(tf.stack([t, mean, max, min, ownRight].map((x) => x.asScalar()))) as tf.Tensor1D;
      return own === 0 ? tf.scalar(0) : sums.sub(phi.mul(scale)).slice(before, own).mean();
    },
    (dy, [unit, eInverse, inverse, phi, slope, sums, savedLabels, ...savedWeight]) => {
      const { directions, gradient } = partakingGradients(gpu, weight, sample, {
        unit: unit as tf.Tensor2D,
        labels: savedLabels as tf.Tensor1D,
        weight: savedWeight,
        inverse,
        rows: tf.stack([phi, slope, sums, tf.fill([batch], 1).mul(dy)]),
        scale,
        update,
        firstClass,
        perGradient,
      });
      const whole = together.sum(directions);
      const ofOwn = (x: tf.Tensor) => x.slice([before, 0], [own, x.shape[1]!]);
      // Of the mean over this rank's samples, which the mean over the ranks makes one over all.
      const toEmbeddings = own === 0
        ? tf.zerosLike(embeddings)
        : throughLengths(ofOwn(whole), ofOwn(unit), ofOwn(eInverse)).mul(batch / own);
      return {
        embeddings: () => toEmbeddings,
        ...Object.fromEntries(gradient.map((part, k) => [`weight${k}`, () => part])),
      };
    },
  ) as tf.Scalar;
  return { loss, metrics: metrics! };
}

/** Numbers of the labels' classes: from `first` on those of this rank that take part, -1 for others where classes are sampled. */
function placesOf(labels: tf.Tensor1D, sample: ClassSample | undefined, first: number): tf.Tensor1D {
  if (!sample) return labels;
  const places = sample.places(labels);
  const none = tf.scalar(-1, "int32");
  return tf.where(places.equal(none), none, places.add(tf.scalar(first, "int32"))) as tf.Tensor as tf.Tensor1D;
}

/** Facts of all classes from those of each rank's: every sample's class is one rank's, and the others tell 0. */
function sharedFacts(
  together: Together,
  target: tf.Tensor1D,
  hardness: tf.Tensor1D | undefined,
  labels: tf.Tensor1D,
  { first, total }: ClassSplit,
): ClassFacts {
  const [batch] = target.shape;
  if (!hardness) return { targetCosines: together.sum(target), hardness: undefined };
  const { rank, size } = together;
  const place = labels.sub(tf.scalar(first, "int32"));
  const last = tf.scalar(hardness.size - 1, "int32");
  const nearest = tf.minimum(tf.maximum(place, tf.scalar(0, "int32")), last);
  const ofSamples = tf.where(place.equal(nearest), tf.gather(hardness, nearest), tf.zerosLike(target));
  const told = tf.stack([hardness.min(), hardness.max(), hardness.sum()].map((x) => x.asScalar()));
  const slots = [tf.zeros([TOLD * rank]), told, tf.zeros([TOLD * (size - rank - 1)])].filter(({ size }) => size > 0);
  const all = together.sum(tf.concat([target, ofSamples, ...slots] as tf.Tensor1D[]));
  const ofRanks = all.slice(2 * batch).reshape([size, TOLD]);
  const [least, most, sum] = tf.unstack(ofRanks, 1);
  return {
    targetCosines: all.slice(0, batch),
    hardness: {
      ofSamples: all.slice(batch, batch),
      least: least.min() as tf.Scalar,
      most: most.max() as tf.Scalar,
      mean: sum.sum().div(total) as tf.Scalar,
    },
  };
}
