import * as tf from "../deps/tfjs.ts";
import { classTangentKernel, classUpdateKernel, paddedRowsKernel } from "../gpu/kernels/class_rows.ts";
import { classGradientKernel } from "../gpu/kernels/class_scan.ts";
import { inFours } from "../gpu/kernels/wgsl.ts";
import { sharesSums } from "../gpu/ops/shares_sums.ts";
import { rowDots } from "../gpu/ops/class_dots.ts";
import { multiply, multiplyTransposedInto } from "../gpu/ops/mat_mul.ts";
import { rowsOf, tableRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { classesAtOnce } from "./class_passes.ts";
import type { ClassUpdate } from "./head.ts";

/** What the gradients of a softmax over classes are computed from. */
export interface GradientInputs {
  /** Embeddings of length 1, [batch, dim]. */
  readonly unit: tf.Tensor2D;
  /** [batch]. */
  readonly labels: tf.Tensor1D;
  /** [classes, dim], in parts. */
  readonly weight: readonly tf.Tensor[];
  /** Inverse lengths of its rows, [classes]. */
  readonly inverse: tf.Tensor;
  /** [4, batch]: phi, its slope, log of the sum of exponentials, upstream gradient. */
  readonly rows: tf.Tensor;
  /** Multiplies the cosines. */
  readonly scale: number;
  /** Updates the weights on the way, which then have no gradient. */
  readonly update?: ClassUpdate;
  /** Number of the first class, where the weights are those of a part of the classes. @default 0 */
  readonly firstClass?: number;
  /** Classes at once, a multiple of 64. @default {@linkcode classesAtOnce} */
  readonly perGradient?: number;
}

/**
 * Gradients of the mean loss over the batch: by the directions of the embeddings, [batch, dim], and by the class weights, in parts as they
 * are, unless these are updated.
 */
export function classGradients(gpu: Gpu, inputs: GradientInputs): { directions: tf.Tensor; gradient: tf.Tensor[] } {
  const {
    unit,
    labels,
    weight,
    inverse,
    rows,
    scale,
    update,
    firstClass = 0,
    perGradient = classesAtOnce(gpu, inputs.unit.shape[1]),
  } = inputs;
  const [batch, dim] = unit.shape;
  const classes = inverse.size;
  const gradient = update ? [] : weight.map(({ shape }) => gpu.kernels.empty(shape));
  // One table each for all ranges: what is given back is free only once the commands are submitted.
  const most = inFours(Math.min(classes, perGradient));
  const [byCosine, toward] = [gpu.kernels.empty([most * batch]), gpu.kernels.empty([most * dim])];
  const dots = rowDots(gpu, unit, most);
  const samples = { values: unit, rows: batch, columns: dim };
  let directions: tf.Tensor = tf.zeros([batch, dim]);
  for (const { first, count, of } of tableRanges(weight, perGradient)) {
    const range = { dim, classes: count, shared: sharesSums(gpu) };
    const columns = inFours(count);
    const own = of(weight);
    const ownInverse = rowsOf(inverse, first, count, 1);
    const ownToward = rowsOf(toward, 0, columns, dim);
    const table = { values: rowsOf(byCosine, 0, columns, batch), rows: batch, columns };
    directions = tf.tidy(() => {
      const start = tf.tensor1d([firstClass + first], "int32");
      gpu.kernels.run(
        classGradientKernel({ batch, classes: count }, scale),
        [dots(own, count), ownInverse, labels, rows, start],
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
  return { directions, gradient };
}

/** Gradient of embeddings from that of their directions: what lies along them falls away. */
export function throughLengths(directions: tf.Tensor, unit: tf.Tensor, inverseLength: tf.Tensor): tf.Tensor {
  const along = directions.mul(unit).sum(1, true);
  return directions.sub(unit.mul(along)).mul(inverseLength);
}
