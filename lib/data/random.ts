/**
 * Mixes the bits of a 32-bit number: every bit of the result depends on every bit of `x`.
 *
 * @source the "lowbias32" constants of Chris Wellons' hash prospector
 */
export function hash32(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  x ^= x >>> 16;
  return x >>> 0;
}

/** One 32-bit number from several: a different one, as good as always, for any other numbers or order. */
export function hashNumbers(...numbers: number[]): number {
  let state = 0x9e3779b9;
  for (const value of numbers) {
    state = hash32(state ^ hash32(value >>> 0));
    state = hash32(state + Math.floor(value / 2 ** 32) >>> 0);
  }
  return state;
}

/**
 * A stream of random numbers that is the same for the same key, on every machine, for ever: runs are resumed, and sets
 * made again, by it.
 *
 * xoshiro128** with its state filled by `hashNumbers(...key, 0 … 3)`. Not for secrets.
 *
 * @source Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021
 * @example
 * ```ts
 * import { Random } from "./random.ts";
 *
 * const random = new Random(21, 3); // seed 21, epoch 3
 * console.assert(random.below(10) === new Random(21, 3).below(10));
 * ```
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /**
   * The beginning of a stream.
   *
   * @param key Whole numbers that name it: a seed, then what it is for.
   */
  constructor(...key: number[]) {
    this.#a = hashNumbers(...key, 0);
    this.#b = hashNumbers(...key, 1);
    this.#c = hashNumbers(...key, 2);
    this.#d = hashNumbers(...key, 3) || 1; // all four zero would stay so
  }

  /** The next whole number from 0 to 2^32 - 1. */
  next(): number {
    const fives = Math.imul(this.#b, 5);
    const result = Math.imul(fives << 7 | fives >>> 25, 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = this.#d << 11 | this.#d >>> 21;
    return result;
  }

  /** The next whole number from 0 to `n` - 1, each as likely; `n` from 1 to 2^32. */
  below(n: number): number {
    const shift = Math.clz32(n - 1);
    if (n <= 1) return 0;
    for (;;) {
      const value = this.next() >>> shift; // as many bits as n - 1 has; too large is drawn again
      if (value < n) return value;
    }
  }

  /** The next number in [0, 1), a multiple of 2^-32. */
  unit(): number {
    return this.next() / 2 ** 32;
  }

  /** The next number in [low, high). */
  range(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A number around 0 with standard deviation 1, never beyond +-3.47: the sum of twelve uniform ones. */
  bell(): number {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += this.unit();
    return Math.max(-3.47, Math.min(3.47, sum));
  }
}
