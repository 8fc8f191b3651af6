/** The numbers that golden files are computed on: a hash, so that any language makes the same ones. */

import { hash32 } from "../../lib/data/random.ts";

export { hash32 };

/** Number `i` of the sequence of `seed`, in [0, 1), exact in float64. */
export function unit(seed: number, i: number): number {
  return hash32(hash32(seed) + i) / 2 ** 32;
}

/** A tensor of `shape` (or that many numbers), row-major, between `lo` and `hi`, rounded to float32. */
export function fill(seed: number, shape: number | readonly number[], lo = -1, hi = 1): Float32Array<ArrayBuffer> {
  const count = typeof shape === "number" ? shape : shape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(count);
  const start = hash32(seed);
  const scale = hi - lo;
  for (let i = 0; i < count; i++) values[i] = lo + scale * (hash32(start + i) / 2 ** 32);
  return values;
}
