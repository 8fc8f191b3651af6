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
  /**
   * Samples that the processes take together, each its part of them in the order of the ranks.
   *
   * @default as many as there are processes
   */
  readonly block?: number;
}

/** How many of `count` things rank `rank` of `ranks` takes: the first ranks take one more where they do not divide. */
export function shareOf(count: number, rank: number, ranks: number): number {
  return Math.floor(count / ranks) + (rank < count % ranks ? 1 : 0);
}

/** Names the shuffles among the streams of a seed. */
const STREAM = 0x5a3b1e;

/**
 * The order of the samples in each epoch: a shuffle (Fisher and Yates) of the index, not of the file, that depends on
 * seed and epoch alone.
 *
 * With several ranks all shuffle alike, and of every block of the order each rank takes its part, the first rank the first: every sample belongs
 * to exactly one rank, and what the ranks take of a block is, one after the other, the block.
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
  /** Samples that the ranks take together. */
  readonly block: number;

  /**
   * Orders a set of `size` samples.
   *
   * @throws {InputError} if a number is out of range.
   */
  constructor({ size, seed, rank = 0, ranks = 1, block = ranks }: SamplerOptions) {
    check("size", size, 0, 2 ** 32 - 1);
    check("seed", seed, 0, Number.MAX_SAFE_INTEGER);
    check("ranks", ranks, 1, 2 ** 20);
    check("rank", rank, 0, ranks - 1);
    check("block", block, ranks, 2 ** 32 - 1);
    this.size = size;
    this.seed = seed;
    this.rank = rank;
    this.ranks = ranks;
    this.block = block;
  }

  /** This rank's samples per epoch. */
  get count(): number {
    const share = (count: number) => shareOf(count, this.rank, this.ranks);
    return Math.floor(this.size / this.block) * share(this.block) + share(this.size % this.block);
  }

  /** This rank's samples of an epoch, in their order, of those from place `from` of the whole order on. */
  order(epoch: number, from = 0): Uint32Array {
    check("epoch", epoch, 0, Number.MAX_SAFE_INTEGER);
    check("place", from, 0, this.size);
    const random = new Random(this.seed, STREAM, epoch);
    const all = new Uint32Array(this.size);
    for (let i = 0; i < all.length; i++) all[i] = i;
    for (let i = all.length - 1; i > 0; i--) {
      const other = random.below(i + 1);
      const sample = all[i];
      all[i] = all[other];
      all[other] = sample;
    }
    if (this.ranks === 1) return all.subarray(from);
    const own = new Uint32Array(this.size - from);
    let taken = 0;
    for (let start = from; start < this.size; start += this.block) {
      const count = Math.min(this.block, this.size - start);
      let first = start;
      for (let rank = 0; rank < this.rank; rank++) first += shareOf(count, rank, this.ranks);
      const share = shareOf(count, this.rank, this.ranks);
      own.set(all.subarray(first, first + share), taken);
      taken += share;
    }
    return own.slice(0, taken);
  }
}

function check(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new InputError(
    `Cannot order samples: expected ${name} to be a whole number from ${least} to ${most}, found ${value}`,
  );
}
