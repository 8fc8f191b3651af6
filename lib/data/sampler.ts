import { InputError } from "../errors.ts";
import { Random } from "./random.ts";

/** What a Sampler orders. */
export interface SamplerOptions {
  /** Number of samples in the set. */
  readonly size: number;
  /** Seed of the shuffles: the same seed gives the same orders, for ever. */
  readonly seed: number;
  /**
   * Which of the processes this is.
   *
   * @default 0
   */
  readonly rank?: number;
  /**
   * How many processes share the set.
   *
   * @default 1
   */
  readonly ranks?: number;
}

/** Names the shuffles among the streams of a seed. */
const STREAM = 0x5a3b1e;

/**
 * The order of the samples in each epoch: a shuffle (Fisher and Yates) of the index, not of the file, that depends on
 * seed and epoch alone.
 *
 * With several ranks all shuffle alike and rank r takes places r, r + ranks, r + 2 ranks, …: every sample belongs to
 * exactly one rank, and the ranks' shares differ by at most one sample.
 *
 * @example
 * ```ts
 * import { Sampler } from "./sampler.ts";
 *
 * const halves = [0, 1].map((rank) => new Sampler({ size: 5, seed: 21, rank, ranks: 2 }).order(0));
 * console.assert(halves.flatMap((half) => [...half]).sort().join() === "0,1,2,3,4");
 * ```
 */
export class Sampler {
  /** Number of samples in the set. */
  readonly size: number;
  /** Seed of the shuffles. */
  readonly seed: number;
  /** Which of the processes this is. */
  readonly rank: number;
  /** How many processes share the set. */
  readonly ranks: number;

  /**
   * Orders a set of `size` samples.
   *
   * @throws {InputError} if a number is out of range.
   */
  constructor({ size, seed, rank = 0, ranks = 1 }: SamplerOptions) {
    check("size", size, 0, 2 ** 32 - 1);
    check("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    check("ranks", ranks, 1, 2 ** 20);
    check("rank", rank, 0, ranks - 1);
    this.size = size;
    this.seed = seed;
    this.rank = rank;
    this.ranks = ranks;
  }

  /** This rank's samples per epoch. */
  get count(): number {
    return Math.max(0, Math.ceil((this.size - this.rank) / this.ranks));
  }

  /** This rank's samples of an epoch, in their order. */
  order(epoch: number): Uint32Array {
    check("epoch", epoch, 0, Number.MAX_SAFE_INTEGER);
    const random = new Random(this.seed, STREAM, epoch);
    const all = new Uint32Array(this.size);
    for (let i = 0; i < all.length; i++) all[i] = i;
    for (let i = all.length - 1; i > 0; i--) {
      const other = random.below(i + 1);
      const sample = all[i];
      all[i] = all[other];
      all[other] = sample;
    }
    if (this.ranks === 1) return all;
    return Uint32Array.from({ length: this.count }, (_, i) => all[this.rank + i * this.ranks]);
  }
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new InputError(
    `Cannot order samples: expected ${name} to be a whole number from ${least} to ${most}, found ${value}`,
  );
}
