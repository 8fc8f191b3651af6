import { InputError } from "../errors.ts";
import { type PairDistances, pairDistances } from "./pair_distances.ts";
import { type Fold, splitFolds } from "./pair_folds.ts";
import { type Moments, principalAxes } from "./principal_axes.ts";

/**
 * The distances that each fold is judged by: the same object for all, or with `pca` those after a projection that was fitted
 * on the embeddings of the other folds.
 *
 * As the classical protocol of LFW has it: directions are projected on the `pca` principal axes around the others' mean, and
 * their directions compared. `rows` is [2 * pairs, dim].
 *
 * @throws {InputError} if an embedding has no direction, or there are fewer numbers or embeddings than axes.
 */
export function foldDistances(
  rows: Float32Array | Float64Array,
  same: readonly boolean[],
  { folds: count, pca }: { readonly folds: number; readonly pca?: number },
): PairDistances[] {
  const whole = pairDistances(rows, same.length);
  if (pca === undefined) return Array.from({ length: count }, () => whole);
  const dim = rows.length / (2 * same.length);
  const folds = splitFolds(same, count);
  const least = Math.min(dim, 2 * (same.length - Math.max(...folds.map(({ start, end }) => end - start))) - 1);
  if (!(Number.isSafeInteger(pca) && pca >= 1 && pca <= least)) {
    throw new InputError(
      `Cannot evaluate pairs: expected 1 to ${least} principal axes (${dim} numbers per embedding), found ${pca}; give fewer`,
    );
  }
  const unit = directions(rows, dim);
  const moments = folds.map((fold) => foldMoments(unit, dim, fold));
  return folds.map((_, f) => {
    const others = moments.filter((_, other) => other !== f);
    const { mean, axes } = principalAxes(others, dim, pca);
    return pairDistances(project(unit, dim, mean, axes, pca), same.length);
  });
}

function foldMoments(unit: Float64Array, dim: number, { start, end }: Fold): Moments {
  const sum = new Float64Array(dim);
  const products = new Float64Array(dim * dim);
  for (let row = 2 * start; row < 2 * end; row++) {
    const values = unit.subarray(row * dim, (row + 1) * dim);
    for (let i = 0; i < dim; i++) {
      const value = values[i];
      sum[i] += value;
      for (let j = 0, at = i * dim; j <= i; j++) products[at + j] += value * values[j];
    }
  }
  return { count: 2 * (end - start), sum, products };
}

function directions(rows: Float32Array | Float64Array, dim: number): Float64Array {
  const unit = Float64Array.from(rows);
  for (let at = 0; at < unit.length; at += dim) {
    let square = 0;
    for (let d = at; d < at + dim; d++) square += unit[d] * unit[d];
    const scale = 1 / Math.sqrt(square);
    for (let d = at; d < at + dim; d++) unit[d] *= scale;
  }
  return unit;
}

/** (row - mean) times the axes [components, dim]: [rows, components]. */
function project(
  unit: Float64Array,
  dim: number,
  mean: Float64Array,
  axes: Float64Array,
  components: number,
): Float64Array {
  const rows = unit.length / dim;
  const result = new Float64Array(rows * components);
  const offset = new Float64Array(components);
  for (let c = 0; c < components; c++) {
    for (let d = 0; d < dim; d++) offset[c] += mean[d] * axes[c * dim + d];
  }
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < components; c++) {
      let dot = 0;
      for (let d = 0, x = row * dim, a = c * dim; d < dim; d++) dot += unit[x + d] * axes[a + d];
      result[row * components + c] = dot - offset[c];
    }
  }
  return result;
}
