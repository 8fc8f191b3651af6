import * as tf from "../deps/tfjs.ts";
import {
  classGradientKernel,
  classRowsKernel,
  classScanKernel,
  classTangentKernel,
  classUpdateKernel,
  gradientColumns,
  joinScanKernel,
  paddedRowsKernel,
  scanStrips,
  targetCosineKernel,
} from "../gpu/kernels/class_scan.ts";
import { gradientOp } from "../gpu/ops/gradient_op.ts";
import { multiply, multiplyTransposedInto } from "../gpu/ops/mat_mul.ts";
import { rowsOf, rowsPerBinding, tableRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { ClassUpdate, HeadStep } from "./head.ts";
import { angularMargin, type MarginOptions, normalizeRows } from "./margin.ts";

/** Classes whose gradients are computed at once: a table of this many rows, and its copies where kernels read copies, are all the memory besides. */
const GRADIENT_CLASSES = 4096;
/** Classes gone over at once in the forward pass where every range is copied for its kernels: what the copies may hold. */
const COPIED_CLASSES = 4096;

/** How the classes are gone over. */
export interface ClassSoftmaxOptions {
  /** Updates the weights in the backward pass, which then has no gradient for them. */
  readonly update?: ClassUpdate;
  /** Classes at once in the forward pass, a multiple of 64; tests set it low. @default what one binding holds, or 4096 where kernels read copies */
  readonly perForward?: number;
  /** Classes at once in the backward pass, a multiple of 64. @default 4096 */
  readonly perGradient?: number;
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
  { update, perForward = classesPerPass(gpu, embeddings.shape[1]), perGradient = GRADIENT_CLASSES }:
    ClassSoftmaxOptions = {},
): HeadStep {
  const [batch, dim] = embeddings.shape;
  const classes = weight.reduce((sum, part) => sum + part.shape[0], 0);
  const { scale, kind, centers, moveCenters, decide } = options;
  const ranges = tableRanges(weight, perForward);
  let metrics: tf.Tensor1D | undefined;
  const loss = gradientOp(
    { embeddings, ...update ? {} : Object.fromEntries(weight.map((part, k) => [`weight${k}`, part])) },
    (save) => {
      moveCenters?.();
      const e = normalizeRows(embeddings);
      // Every class and every sample is in one range: all of these are written.
      const inverse = gpu.kernels.empty([classes]);
      const hardness = centers && gpu.kernels.empty([classes]) as tf.Tensor1D;
      const target = gpu.kernels.empty([batch]) as tf.Tensor1D;
      for (const { first, count, of } of ranges) {
        const rows = of(weight);
        gpu.kernels.run(
          classRowsKernel({ dim, classes: count }, centers !== undefined),
          centers ? [rows, of(centers)] : [rows],
          [rowsOf(inverse, first, count, 1), ...(hardness ? [rowsOf(hardness, first, count, 1)] : [])],
        );
        gpu.kernels.run(
          targetCosineKernel({ batch, dim, classes: count }),
          [e.unit, rows, rowsOf(inverse, first, count, 1), labels, tf.tensor1d([first], "int32")],
          [target],
        );
      }
      const margins = decide({ targetCosines: target, hardness });
      const { phi, slope } = kind === "angular"
        ? angularMargin(target, margins.ofSamples)
        : { phi: target.sub(margins.ofSamples) as tf.Tensor1D, slope: tf.onesLike(target) };
      const parts = ranges.map(({ first, count, of }) =>
        gpu.kernels.run(
          classScanKernel({ batch, dim, classes: count }, scale),
          [
            e.unit,
            of(weight),
            rowsOf(inverse, first, count, 1),
            labels,
            phi,
            tf.tensor1d([first], "int32"),
          ],
          [{ shape: [scanStrips(count), batch, 4] }],
        )[0]
      );
      const table = parts.length === 1 ? parts[0] : tf.concat(parts);
      const [result] = gpu.kernels.run(joinScanKernel(batch, table.shape[0]), [table, labels], [{ shape: [2, batch] }]);
      const [sums, right] = tf.unstack(result) as tf.Tensor1D[];
      save([e.unit, e.inverse, inverse, phi, slope, sums, labels, ...weight]);
      const { t, mean, max, min } = margins.report;
      metrics = tf.keep(tf.stack([t, mean, max, min, right.sum()].map((x) => x.asScalar()))) as tf.Tensor1D;
      return sums.sub(phi.mul(scale)).mean();
    },
    (dy, [unit, eInverse, inverse, phi, slope, sums, savedLabels, ...savedWeight]) => {
      const rows = tf.stack([phi, slope, sums, tf.fill([batch], 1).mul(dy)]);
      const gradient = update ? [] : savedWeight.map(({ shape }) => gpu.kernels.empty(shape));
      // One table each for all ranges: what is given back is free only once the commands are submitted.
      const most = gradientColumns(Math.min(classes, perGradient));
      const [byCosine, toward] = [gpu.kernels.empty([most * batch]), gpu.kernels.empty([most * dim])];
      const samples = { values: unit, rows: batch, columns: dim };
      let directions: tf.Tensor = tf.zeros([batch, dim]);
      for (const { first, count, of } of tableRanges(savedWeight, perGradient)) {
        const range = { batch, dim, classes: count };
        const columns = gradientColumns(count);
        const own = of(savedWeight);
        const ownInverse = rowsOf(inverse, first, count, 1);
        const ownToward = rowsOf(toward, 0, columns, dim);
        const table = { values: rowsOf(byCosine, 0, columns, batch), rows: batch, columns };
        directions = tf.tidy(() => {
          const start = tf.tensor1d([first], "int32");
          gpu.kernels.run(
            classGradientKernel(range, scale),
            [unit, own, ownInverse, savedLabels, rows, start],
            [table.values],
          );
          multiplyTransposedInto(gpu, table, samples, ownToward);
          const values = columns === count
            ? own
            : gpu.kernels.run(paddedRowsKernel(range), [own], [{ shape: [columns, dim] }])[0];
          const sum = directions.add(multiply(gpu, table, { values, rows: columns, columns: dim }));
          if (update) {
            const { hyper, velocities } = update;
            gpu.kernels.run(classUpdateKernel(range), [ownToward, ownInverse, hyper], [of(velocities), own]);
          } else gpu.kernels.run(classTangentKernel(range), [ownToward, own, ownInverse], [of(gradient)]);
          return sum;
        });
      }
      const along = directions.mul(unit).sum(1, true);
      const toEmbeddings = directions.sub(unit.mul(along)).mul(eInverse);
      return {
        embeddings: () => toEmbeddings,
        ...Object.fromEntries(gradient.map((part, k) => [`weight${k}`, () => part])),
      };
    },
  ) as tf.Scalar;
  return { loss, metrics: metrics! };
}

function classesPerPass(gpu: Gpu, dim: number): number {
  const most = rowsPerBinding(gpu, dim);
  return gpu.kernels.readsCopies ? Math.min(most, COPIED_CLASSES) : most;
}
