/** Eigenvalues and eigenvectors of a symmetric matrix. */
export interface SymmetricEigen {
  /** [n], falling. */
  readonly values: Float64Array;
  /** [n, n]: row i is the unit eigenvector of values[i]. */
  readonly vectors: Float64Array;
}

/** Sweeps of QL steps per eigenvalue; five are many. */
const MOST_STEPS = 60;

/**
 * Eigenvalues and -vectors of a symmetric matrix [n, n]: Householder reflections make it tridiagonal, implicit QL steps with
 * Wilkinson's shift make that diagonal. Time n^3; accurate to rounding times the largest eigenvalue.
 *
 * @source Golub and Van Loan, "Matrix Computations", 8.3
 *
 * @example
 * ```ts
 * import { symmetricEigen } from "./symmetric_eigen.ts";
 *
 * const { values } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2);
 * console.assert(Math.abs(values[0] - 3) < 1e-12 && Math.abs(values[1] - 1) < 1e-12);
 * ```
 */
export function symmetricEigen(matrix: Float64Array, n: number): SymmetricEigen {
  const { diagonal, beside, basis } = tridiagonal(matrix.slice(), n);
  diagonalize(diagonal, beside, basis, n);
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => diagonal[b] - diagonal[a]);
  const vectors = new Float64Array(n * n);
  order.forEach((from, to) => vectors.set(basis.subarray(from * n, (from + 1) * n), to * n));
  return { values: Float64Array.from(order, (i) => diagonal[i]), vectors };
}

/** a = basis^T T basis with T tridiagonal; `basis` holds the new axes as rows. `a` is used up. */
function tridiagonal(
  a: Float64Array,
  n: number,
): { diagonal: Float64Array; beside: Float64Array; basis: Float64Array } {
  const beside = new Float64Array(n);
  const reflections: (Float64Array | undefined)[] = [];
  for (let k = 0; k < n - 2; k++) {
    // a reflection that zeroes column k below the entry beside the diagonal
    const v = new Float64Array(n);
    let square = 0;
    for (let i = k + 1; i < n; i++) {
      v[i] = a[i * n + k];
      square += v[i] * v[i];
    }
    const tail = square - v[k + 1] * v[k + 1];
    if (tail === 0) {
      beside[k] = v[k + 1];
      reflections.push(undefined);
      continue;
    }
    const length = v[k + 1] > 0 ? -Math.sqrt(square) : Math.sqrt(square);
    beside[k] = length;
    v[k + 1] -= length;
    const scale = Math.SQRT2 / Math.sqrt(tail + v[k + 1] * v[k + 1]);
    for (let i = k + 1; i < n; i++) v[i] *= scale; // |v|^2 = 2: the reflection is I - v v^T
    const p = new Float64Array(n);
    let pv = 0;
    for (let i = k + 1; i < n; i++) {
      let dot = 0;
      for (let j = k + 1, at = i * n; j < n; j++) dot += a[at + j] * v[j];
      p[i] = dot;
      pv += dot * v[i];
    }
    for (let i = k + 1; i < n; i++) p[i] -= pv / 2 * v[i];
    for (let i = k + 1; i < n; i++) {
      const vi = v[i], pi = p[i];
      for (let j = k + 1, at = i * n; j < n; j++) a[at + j] -= vi * p[j] + pi * v[j];
    }
    reflections.push(v);
  }
  if (n > 1) beside[n - 2] = a[(n - 1) * n + n - 2];
  const basis = new Float64Array(n * n);
  for (let i = 0; i < n; i++) basis[i * n + i] = 1;
  // rows are the axes: basis = (H_0 H_1 …)^T, made from the last reflection on, which touches least
  for (let k = n - 3; k >= 0; k--) {
    const v = reflections[k];
    if (v === undefined) continue;
    for (let row = k + 1; row < n; row++) {
      let dot = 0;
      for (let i = k + 1, at = row * n; i < n; i++) dot += basis[at + i] * v[i];
      for (let i = k + 1, at = row * n; i < n; i++) basis[at + i] -= dot * v[i];
    }
  }
  return { diagonal: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), beside, basis };
}

/** Rotates the tridiagonal matrix to a diagonal one, and the basis' rows with it. */
function diagonalize(d: Float64Array, e: Float64Array, basis: Float64Array, n: number): void {
  for (let low = 0; low < n; low++) {
    for (let steps = 0;; steps++) {
      let high = low;
      while (high < n - 1 && Math.abs(e[high]) > Number.EPSILON * (Math.abs(d[high]) + Math.abs(d[high + 1]))) high++;
      if (high === low) break;
      if (steps === MOST_STEPS) throw new RangeError("the eigenvalues of a matrix were not found: is it finite?");
      // the shift is the eigenvalue of the leading 2x2 block that is nearer to its first entry
      const half = (d[low + 1] - d[low]) / (2 * e[low]);
      const root = Math.hypot(half, 1);
      let g = d[high] - d[low] + e[low] / (half + (half < 0 ? -root : root));
      let sine = 1, cosine = 1, carried = 0;
      let split = false;
      for (let i = high - 1; i >= low; i--) {
        const f = sine * e[i];
        const b = cosine * e[i];
        const r = Math.hypot(f, g);
        e[i + 1] = r;
        if (r === 0) { // an entry beside the diagonal vanished on the way: the matrix falls in two
          d[i + 1] -= carried;
          e[high] = 0;
          split = true;
          break;
        }
        sine = f / r;
        cosine = g / r;
        g = d[i + 1] - carried;
        const t = (d[i] - g) * sine + 2 * cosine * b;
        carried = sine * t;
        d[i + 1] = g + carried;
        g = cosine * t - b;
        for (let x = i * n, y = x + n, end = y; x < end; x++, y++) {
          const upper = basis[x], lower = basis[y];
          basis[y] = sine * upper + cosine * lower;
          basis[x] = cosine * upper - sine * lower;
        }
      }
      if (split) continue;
      d[low] -= carried;
      e[low] = g;
      e[high] = 0;
    }
  }
}
