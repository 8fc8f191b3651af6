/**
 * A rank of a group has failed, and with it the group: thrown on every rank, with the rank that was the cause.
 *
 * @example
 * ```ts
 * import { GroupFailure } from "./group_failure.ts";
 *
 * const failure = new GroupFailure(1, "device lost", "GeForce RTX 3090");
 * console.assert(failure.message === "rank 1 (GeForce RTX 3090) failed: device lost");
 * ```
 */
export class GroupFailure extends Error {
  /** Tells it from other errors in prints. */
  override name = "GroupFailure";
  /** The rank that was the cause. */
  readonly rank: number;
  /** Why. */
  readonly reason: string;

  /** `adapter` is the failing rank's, where it is known. */
  constructor(rank: number, reason: string, adapter?: string) {
    super(`rank ${rank}${adapter === undefined ? "" : ` (${adapter})`} failed: ${reason}`);
    this.rank = rank;
    this.reason = reason;
  }
}
