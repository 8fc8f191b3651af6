import { symmetricEigen } from "./symmetric_eigen.ts";

/** Sums of some rows, of which mean and covariance are made. */
export interface Moments {
  /** Rows summed. */
  readonly count: number;
  /** [dim] */
  readonly sum: Float64Array;
  /** [dim, dim] sum of outer products; the lower triangle is filled. */
  readonly products: Float64Array;
}

/**
 * The mean and the principal axes, those of most variance first, of rows whose sums are known.
 *
 * Their signs are arbitrary, as an axis' are. `axes` is [components, dim], orthonormal.
 */
export function principalAxes(
  parts: readonly Moments[],
  dim: number,
  components: number,
): { mean: Float64Array; axes: Float64Array } {
  const mean = new Float64Array(dim);
  const covariance = new Float64Array(dim * dim);
  let count = 0;
  for (const part of parts) {
    count += part.count;
    for (let d = 0; d < dim; d++) mean[d] += part.sum[d];
    for (let i = 0; i < covariance.length; i++) covariance[i] += part.products[i];
  }
  for (let d = 0; d < dim; d++) mean[d] /= count;
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j <= i; j++) {
      const value = covariance[i * dim + j] / count - mean[i] * mean[j];
      covariance[i * dim + j] = covariance[j * dim + i] = value;
    }
  }
  const { vectors } = symmetricEigen(covariance, dim);
  return { mean, axes: vectors.slice(0, components * dim) };
}
