/** Random inputs of the self-test, the same for the same seed. */
export class RandomValues {
  #state: number;

  /** Starts the stream of a whole-number seed. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** The next number in [0, 1). @source "mulberry32" by Tommy Ettinger, public domain */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  /** The next whole number from `least` to `most`. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** `count` float32 values between `low` and `high`. */
  values(count: number, low = -1, high = 1): Float32Array<ArrayBuffer> {
    return Float32Array.from({ length: count }, () => low + (high - low) * this.unit());
  }
}
