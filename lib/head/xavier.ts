import { uniform } from "../nn/random.ts";
import type { Initializer } from "../nn/parameters.ts";

/** Uniform within +-sqrt(6 / (rows + cols)). @source Glorot and Bengio, 2010 */
export function xavierUniform(rows: number, cols: number): Initializer {
  const bound = Math.sqrt(6 / (rows + cols));
  return (seed, i) => bound * (2 * uniform(seed, i) - 1);
}
