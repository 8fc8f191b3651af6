import type { Tensor } from "./tensor.ts";

/**
 * Ranks that take a training step together, as operations see them: values of one become values of all in the middle of the step. Every rank
 * must ask for the same, in the same order.
 */
export interface Together {
  /** Number of this rank. */
  readonly rank: number;
  /** Number of ranks. */
  readonly size: number;
  /** Images of each rank in what is computed now. A rank of none computes one all the same, which counts for nothing. */
  readonly shares: readonly number[];
  /** Whether operations are to ask for anything in this step. */
  readonly isActive: boolean;
  /** Rows of all ranks, float32, in the ranks' order: [own, ...] to [all, ...]. `rows` says how many each gives, of those it has the first. */
  gather<T extends Tensor>(x: T, rows: readonly number[]): T;
  /** Sum over the ranks of float32 tensors of one shape. */
  sum<T extends Tensor>(x: T): T;
}

/** Images that each rank computes. */
export function computedShares({ shares }: Together): number[] {
  return shares.map((share) => Math.max(1, share));
}

/** Images of all ranks. */
export function sumOfShares({ shares }: Together): number {
  return shares.reduce((sum, share) => sum + share, 0);
}

/** How many images come before this rank's. */
export function imagesBefore({ shares, rank }: Together): number {
  return shares.slice(0, rank).reduce((sum, share) => sum + share, 0);
}
