import { InputError } from "../errors.ts";

/** How far apart the two embeddings of each pair are. */
export interface PairDistances {
  /** The angle between them over pi, 0 … 1. */
  readonly cosine: Float64Array;
  /** The squared length of the difference of their directions, 0 … 4. */
  readonly euclidean: Float64Array;
}

/**
 * Both distances of every pair, in float64 on directions. `rows` is [2 * pairs, dim], row-major; pair k is rows 2k and 2k+1.
 *
 * @throws {InputError} if an embedding has no direction: zero or not finite.
 *
 * @example
 * ```ts
 * import { pairDistances } from "./pair_distances.ts";
 *
 * const { cosine, euclidean } = pairDistances(Float32Array.of(2, 0, 0, 3), 1); // at right angles
 * console.assert(cosine[0] === 0.5 && euclidean[0] === 2);
 * ```
 */
export function pairDistances(rows: Float32Array | Float64Array, pairs: number): PairDistances {
  const dim = rows.length / (2 * pairs);
  const cosine = new Float64Array(pairs);
  const euclidean = new Float64Array(pairs);
  for (let k = 0; k < pairs; k++) {
    const a = 2 * k * dim;
    const b = a + dim;
    let aa = 0;
    let bb = 0;
    for (let d = 0; d < dim; d++) {
      aa += rows[a + d] * rows[a + d];
      bb += rows[b + d] * rows[b + d];
    }
    for (const [row, square] of [[2 * k, aa], [2 * k + 1, bb]]) {
      if (!(square > 0 && square < Infinity)) {
        const found = square === 0 ? "only zeros" : "a number that is not finite";
        throw new InputError(
          `Cannot evaluate pairs: expected an embedding with a direction, found ${found} in row ${row}; check the model`,
        );
      }
    }
    const scaleA = 1 / Math.sqrt(aa);
    const scaleB = 1 / Math.sqrt(bb);
    let dot = 0;
    let square = 0;
    for (let d = 0; d < dim; d++) {
      const x = rows[a + d] * scaleA;
      const y = rows[b + d] * scaleB;
      dot += x * y;
      square += (x - y) * (x - y);
    }
    cosine[k] = Math.acos(Math.max(-1, Math.min(1, dot))) / Math.PI;
    euclidean[k] = square;
  }
  return { cosine, euclidean };
}
