import * as tf from "../deps/tfjs.ts";
import {
  classGradientKernel,
  classRowsKernel,
  classScanKernel,
  classTangentKernel,
  gradientColumns,
  joinScanKernel,
  scanStrips,
  targetCosineKernel,
  unitRowsKernel,
} from "../gpu/kernels/class_scan.ts";
import { gradientOp } from "../gpu/ops/gradient_op.ts";
import { multiply, multiplyTransposed } from "../gpu/ops/mat_mul.ts";
import { rowRanges, rowsOf, rowsPerBinding } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { HeadStep } from "./head.ts";
import { angularMargin, type MarginOptions, normalizeRows } from "./margin.ts";

/** Classes whose gradients are computed at once: three tables of this many rows are all the memory besides. */
const GRADIENT_CLASSES = 4096;

/** How many classes are gone over at once; multiples of 64. Tests set them low. */
export interface ClassLimits {
  /** In the forward pass. @default what one binding holds */
  readonly perBinding?: number;
  /** In the backward pass. @default 4096 */
  readonly perGradient?: number;
}

/**
 * The loss of plainSoftmax without a [batch, classes] tensor: classes are gone over in ranges with a running
 * maximum and sum, and their cosines computed again for the gradient. Weights and centers may be larger than one binding. The embeddings' length
 * must be a multiple of four.
 */
export function classSoftmax(
  gpu: Gpu,
  embeddings: tf.Tensor2D,
  weight: tf.Tensor,
  labels: tf.Tensor1D,
  options: MarginOptions,
  limits: ClassLimits = {},
): HeadStep {
  const [batch, dim] = embeddings.shape;
  const classes = weight.shape[0];
  const { scale, kind, centers, moveCenters, decide } = options;
  const { perBinding = rowsPerBinding(gpu, dim), perGradient = GRADIENT_CLASSES } = limits;
  const ranges = rowRanges(classes, perBinding);
  let metrics: tf.Tensor1D | undefined;
  const loss = gradientOp(
    { embeddings, weight },
    (save) => {
      moveCenters?.();
      const e = normalizeRows(embeddings);
      // Every class and every sample is in one range: all of these are written.
      const inverse = gpu.kernels.empty([classes]);
      const hardness = centers && gpu.kernels.empty([classes]) as tf.Tensor1D;
      const target = gpu.kernels.empty([batch]) as tf.Tensor1D;
      for (const { first, count } of ranges) {
        const rows = rowsOf(weight, first, count, dim);
        gpu.kernels.run(
          classRowsKernel({ dim, classes: count }, centers !== undefined),
          centers ? [rows, rowsOf(centers, first, count, dim)] : [rows],
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
      const parts = ranges.map(({ first, count }) =>
        gpu.kernels.run(
          classScanKernel({ batch, dim, classes: count }, scale),
          [
            e.unit,
            rowsOf(weight, first, count, dim),
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
      save([e.unit, e.inverse, inverse, phi, slope, sums, labels, weight]);
      const { t, mean, max, min } = margins.report;
      metrics = tf.keep(tf.stack([t, mean, max, min, right.sum()].map((x) => x.asScalar()))) as tf.Tensor1D;
      return sums.sub(phi.mul(scale)).mean();
    },
    (dy, [unit, eInverse, inverse, phi, slope, sums, savedLabels, savedWeight]) => {
      const rows = tf.stack([phi, slope, sums, tf.fill([batch], 1).mul(dy)]);
      const gradient = gpu.kernels.empty(savedWeight.shape);
      let directions: tf.Tensor = tf.zeros([batch, dim]);
      for (const { first, count } of rowRanges(classes, perGradient)) {
        const range = { batch, dim, classes: count };
        const own = rowsOf(savedWeight, first, count, dim);
        const ownInverse = rowsOf(inverse, first, count, 1);
        directions = tf.tidy(() => {
          const columns = gradientColumns(count);
          const start = tf.tensor1d([first], "int32");
          const [table] = gpu.kernels.run(
            classGradientKernel(range, scale),
            [unit, own, ownInverse, savedLabels, rows, start],
            [{ shape: [batch, columns] }],
          );
          const [units] = gpu.kernels.run(unitRowsKernel(range), [own, ownInverse], [{ shape: [columns, dim] }]);
          const toward = multiplyTransposed(gpu, table, unit);
          gpu.kernels.run(classTangentKernel(range), [toward, own, ownInverse], [rowsOf(gradient, first, count, dim)]);
          return directions.add(multiply(gpu, table, units));
        });
      }
      const along = directions.mul(unit).sum(1, true);
      const toEmbeddings = directions.sub(unit.mul(along)).mul(eInverse);
      return { embeddings: () => toEmbeddings, weight: () => gradient };
    },
  ) as tf.Scalar;
  return { loss, metrics: metrics! };
}
