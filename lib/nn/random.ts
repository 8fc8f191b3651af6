/**
 * A well-mixed 32-bit hash of a 32-bit number.
 *
 * @source the "lowbias32" constants of Chris Wellons' hash prospector
 */
export function hash32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Number `i` of the stream `seed`, uniform in [0, 1). */
export function uniform(seed: number, i: number): number {
  return hash32((hash32(seed) + i) >>> 0) / 2 ** 32;
}

/** Number `i` of the stream `seed`, standard normal (Box-Muller). */
export function normal(seed: number, i: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(seed, 2 * i)));
  return radius * Math.cos(2 * Math.PI * uniform(seed, 2 * i + 1));
}
