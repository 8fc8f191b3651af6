import { hash32 } from "../data/random.ts";

/** Number `i` of the stream `seed`, uniform in [0, 1). */
export function uniform(seed: number, i: number): number {
  return hash32((hash32(seed) + i) >>> 0) / 2 ** 32;
}

/** Number `i` of the stream `seed`, standard normal (Box-Muller). */
export function normal(seed: number, i: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, 2 * i)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, 2 * i + 1));
}
