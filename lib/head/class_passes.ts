import * as tf from "../deps/tfjs.ts";
import { classRowsKernel, targetCosineKernel } from "../gpu/kernels/class_rows.ts";
import { classScanKernel, scanStrips } from "../gpu/kernels/class_scan.ts";
import { sharesSums } from "../gpu/ops/shares_sums.ts";
import { rowDots } from "../gpu/ops/class_dots.ts";
import { rowsOf, rowsPerBinding, tableRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";

/** Classes gone over at once: a table of their gradients [classes, dim] and one of their cosines [classes, batch] are all the memory besides. */
const CLASSES = 16384;

/** The same where kernels read copies, of which there is one of each table, and one of the weights. */
const COPIED_CLASSES = 4096;

/** Classes gone over at once unless asked otherwise. */
export function classesAtOnce(gpu: Gpu, dim: number): number {
  return Math.min(rowsPerBinding(gpu, dim), gpu.kernels.readsCopies ? COPIED_CLASSES : CLASSES);
}

/** Class weights as the passes over them need them. */
export interface ClassTable {
  /** [classes, dim], in parts. */
  readonly weight: readonly tf.Tensor[];
  /** Inverse lengths of its rows, [classes]. */
  readonly inverse: tf.Tensor;
  /** Number of the first class, where the weights are those of a part of the classes. @default 0 */
  readonly firstClass?: number;
  /** Classes gone over at once, a multiple of 64. */
  readonly perForward: number;
}

/** Inverse length of each class's weight, [classes], and with centers its hardness, [classes]. */
export function classRows(
  gpu: Gpu,
  weight: readonly tf.Tensor[],
  centers: readonly tf.Tensor[] | undefined,
  perForward: number,
): { inverse: tf.Tensor1D; hardness: tf.Tensor1D | undefined } {
  const classes = weight.reduce((sum, part) => sum + part.shape[0], 0);
  const dim = weight[0].shape[1]!;
  // Every class is in one range: all of these are written.
  const inverse = gpu.kernels.empty([classes]) as tf.Tensor1D;
  const hardness = centers && gpu.kernels.empty([classes]) as tf.Tensor1D;
  for (const { first, count, of } of tableRanges(weight, perForward)) {
    gpu.kernels.run(
      classRowsKernel({ dim, classes: count, shared: sharesSums(gpu) }, centers !== undefined),
      centers ? [of(weight), of(centers)] : [of(weight)],
      [rowsOf(inverse, first, count, 1), ...(hardness ? [rowsOf(hardness, first, count, 1)] : [])],
    );
  }
  return { inverse, hardness };
}

/** Cosine of each sample with its class, [batch]; 0 for those whose class is not in the table. */
export function targetCosines(gpu: Gpu, unit: tf.Tensor2D, labels: tf.Tensor1D, table: ClassTable): tf.Tensor1D {
  const { weight, inverse, firstClass = 0, perForward } = table;
  const [batch, dim] = unit.shape;
  const target = gpu.kernels.zeros([batch]) as tf.Tensor1D;
  for (const { first, count, of } of tableRanges(weight, perForward)) {
    gpu.kernels.run(
      targetCosineKernel({ batch, dim, classes: count }),
      [unit, of(weight), rowsOf(inverse, first, count, 1), labels, tf.tensor1d([firstClass + first], "int32")],
      [target],
    );
  }
  return target;
}

/** Samples whose logits are scanned. */
export interface ScannedSamples {
  /** Embeddings of length 1, [batch, dim]. */
  readonly unit: tf.Tensor2D;
  /** [batch]. */
  readonly labels: tf.Tensor1D;
  /** What takes the place of the cosine with the own class, [batch]. */
  readonly phi: tf.Tensor1D;
  /** Multiplies the cosines. */
  readonly scale: number;
}

/** Largest logit, sum of exponentials, largest cosine and its class, for strips of classes: [strips, batch, 4]. */
export function classScan(gpu: Gpu, { unit, labels, phi, scale }: ScannedSamples, table: ClassTable): tf.Tensor3D {
  const { weight, inverse, firstClass = 0, perForward } = table;
  const [batch] = unit.shape;
  const dots = rowDots(gpu, unit, Math.min(perForward, inverse.size));
  const parts = tableRanges(weight, perForward).map(({ first, count, of }) =>
    gpu.kernels.run(
      classScanKernel({ batch, classes: count }, scale),
      [
        dots(of(weight), count),
        rowsOf(inverse, first, count, 1),
        labels,
        phi,
        tf.tensor1d([firstClass + first], "int32"),
      ],
      [{ shape: [scanStrips(count), batch, 4] }],
    )[0] as tf.Tensor3D
  );
  return parts.length === 1 ? parts[0] : tf.concat(parts);
}
