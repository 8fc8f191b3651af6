import * as tf from "../deps/tfjs.ts";
import { joinScanKernel } from "../gpu/kernels/class_scan.ts";
import { sharesSums } from "../gpu/ops/shares_sums.ts";
import { gradientOp } from "../gpu/ops/gradient_op.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Together } from "../gpu/together.ts";
import { classGradients, type GradientInputs, throughLengths } from "./class_gradients.ts";
import type { ClassSample } from "./class_sample.ts";
import { classesAtOnce, classRows, classScan, targetCosines } from "./class_passes.ts";
import type { ClassUpdate, HeadStep } from "./head.ts";
import { hardnessOf, type MarginOptions, normalizeRows, type Samples, withMargin } from "./margin.ts";

/** How the classes are gone over. */
export interface ClassSoftmaxOptions {
  /** Updates the weights in the backward pass, which then has no gradient for them. */
  readonly update?: ClassUpdate;
  /** Classes at once in the forward pass, a multiple of 64; tests set it low. @default {@linkcode classesAtOnce} */
  readonly perForward?: number;
  /** Classes at once in the backward pass, a multiple of 64. @default {@linkcode classesAtOnce} */
  readonly perGradient?: number;
  /** Ranks that take the step together: the samples of all move the centers and decide the margins. */
  readonly together?: Together;
  /** The classes that take part; the weights are updated in the backward pass then. @default all */
  readonly sample?: ClassSample;
}

/**
 * The loss of plainSoftmax without a [batch, classes] tensor: classes are gone over in ranges with a running
 * maximum and sum, and their cosines computed again for the gradient. Weights and centers may be larger than one binding, and than one
 * buffer: then they are several tensors. The embeddings' length must be a multiple of four.
 */
export function classSoftmax(
  gpu: Gpu,
  embeddings: tf.Tensor2D,
  weight: readonly tf.Tensor[],
  labels: tf.Tensor1D,
  options: MarginOptions,
  { update, together, sample, perForward = classesAtOnce(gpu, embeddings.shape[1]), perGradient }: ClassSoftmaxOptions =
    {},
): HeadStep {
  const [batch] = embeddings.shape;
  const { scale, kind, centers, moveCenters, decide } = options;
  let metrics: tf.Tensor1D | undefined;
  const loss = gradientOp(
    { embeddings, ...update ? {} : Object.fromEntries(weight.map((part, k) => [`weight${k}`, part])) },
    (save) => {
      const own = { embeddings, labels };
      const all = together?.isActive && centers ? gatherSamples(together, own) : own;
      moveCenters?.(all);
      const e = normalizeRows(embeddings);
      const { hardness, ...table } = partakingRows(gpu, weight, centers, perForward, sample);
      const { inverse } = table;
      const places = sample?.places(labels) ?? labels;
      const target = targetCosines(gpu, e.unit, places, table);
      const margins = decide({
        targetCosines: all === own
          ? target
          : targetCosines(gpu, normalizeRows(all.embeddings).unit, sample?.places(all.labels) ?? all.labels, table),
        hardness: hardness && hardnessOf(hardness, labels),
      });
      const { phi, slope } = withMargin(kind, target, margins.ofSamples);
      const parts = classScan(gpu, { unit: e.unit, labels: places, phi, scale }, table);
      const [result] = gpu.kernels.run(joinScanKernel(batch, parts.shape[0], sharesSums(gpu)), [parts, places], [{
        shape: [2, batch],
      }]);
      const [sums, right] = tf.unstack(result) as tf.Tensor1D[];
      save([e.unit, e.inverse, inverse, phi, slope, sums, places, ...table.weight]);
      const { t, mean, max, min } = margins.report;
      metrics = tf.keep(tf.stack([t, mean, max, min, right.sum()].map((x) => x.asScalar()))) as tf.Tensor1D;
      return sums.sub(phi.mul(scale)).mean();
    },
    (dy, [unit, eInverse, inverse, phi, slope, sums, savedLabels, ...savedWeight]) => {
      const rows = tf.stack([phi, slope, sums, tf.fill([batch], 1).mul(dy)]);
      const { directions, gradient } = partakingGradients(gpu, weight, sample, {
        unit: unit as tf.Tensor2D,
        labels: savedLabels as tf.Tensor1D,
        weight: savedWeight,
        inverse,
        rows,
        scale,
        update,
        perGradient,
      });
      const toEmbeddings = throughLengths(directions, unit, eInverse);
      return {
        embeddings: () => toEmbeddings,
        ...Object.fromEntries(gradient.map((part, k) => [`weight${k}`, () => part])),
      };
    },
  ) as tf.Scalar;
  return { loss, metrics: metrics! };
}

/** Weights of the classes that take part, their inverse lengths, and the hardness of all classes. */
export function partakingRows(
  gpu: Gpu,
  weight: readonly tf.Tensor[],
  centers: readonly tf.Tensor[] | undefined,
  perForward: number,
  sample: ClassSample | undefined,
) {
  if (!sample) return { weight, perForward, ...classRows(gpu, weight, centers, perForward) };
  const taken = [sample.take(weight)];
  const { inverse } = classRows(gpu, taken, undefined, perForward);
  const { hardness } = centers ? classRows(gpu, weight, centers, perForward) : { hardness: undefined };
  return { weight: taken, perForward, inverse, hardness };
}

/** Gradients of the classes that take part; where these are a sample, the weights they are of are updated. */
export function partakingGradients(
  gpu: Gpu,
  weight: readonly tf.Tensor[],
  sample: ClassSample | undefined,
  inputs: GradientInputs,
): ReturnType<typeof classGradients> {
  if (!sample) return classGradients(gpu, inputs);
  const { update } = inputs;
  if (!update) throw new Error("classes are sampled where their weights are updated in the backward pass alone");
  const velocities = sample.take(update.velocities);
  const result = classGradients(gpu, { ...inputs, update: { ...update, velocities: [velocities] } });
  sample.put(velocities, update.velocities);
  sample.put(inputs.weight[0], weight);
  return result;
}

/** Embeddings and labels of all ranks, in one exchange: a label is a number that float32 has exactly. */
export function gatherSamples(together: Together, { embeddings, labels }: Samples): Samples {
  const dim = embeddings.shape[1];
  const all = together.gather(tf.concat([embeddings, labels.toFloat().expandDims<tf.Tensor2D>(1)], 1), together.shares);
  return {
    embeddings: all.slice([0, 0], [-1, dim]),
    labels: all.slice([0, dim], [-1, 1]).squeeze<tf.Tensor1D>([1]).toInt(),
  };
}
