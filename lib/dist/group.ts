/**
 * Ranks that compute together: each has a device and a share of the data, and they meet to average and to tell each other.
 *
 * Every rank calls the same operations with the same lengths in the same order; operations that were not awaited run one after the
 * other, in the order of the calls. No operation waits longer than the group's time limit. When a rank fails, or calls something
 * else, every rank's operations, pending and later ones, throw one and the same {@linkcode GroupFailure}.
 *
 * Results are the same on all ranks, bit for bit, and the same for every implementation: sums are taken in the order of the ranks
 * in double precision and rounded once.
 *
 * A training loop has one code path: of a group of one ({@linkcode soloGroup}) every operation is done at once.
 */
export interface Group {
  /** Number of this rank, from 0. */
  readonly rank: number;
  /** How many ranks there are. */
  readonly size: number;

  /** Waits until every rank is here. */
  barrier(): Promise<void>;

  /**
   * An array of zeros for {@linkcode Group.average} and its likes, which take it, or a `subarray` of it, without copying. The array
   * belongs to its rank. What all ranks do, as every operation.
   */
  allocate(length: number): Promise<Float32Array>;

  /** Puts the mean over the ranks into each of the arrays, on every rank. */
  average(...arrays: Float32Array[]): Promise<void>;
  /** Puts the sum over the ranks into each of the arrays, on every rank. */
  sum(...arrays: Float32Array[]): Promise<void>;
  /** Puts the largest over the ranks into each of the arrays, on every rank; of a NaN and a number, the NaN. */
  max(...arrays: Float32Array[]): Promise<void>;

  /** A few numbers of every rank: [size][as many as that rank gave], in double precision. */
  gather(values: readonly number[]): Promise<number[][]>;
  /** Numbers of every rank, whose counts may differ: [size] arrays of their own. */
  allGather(values: Float32Array): Promise<Float32Array<ArrayBuffer>[]>;
  /** Bytes of every rank, whose counts may differ: [size] arrays of their own. What one rank tells all, the others answer with none. */
  allGatherBytes(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]>;

  /**
   * Asks, in long computations between two operations, whether a rank has failed.
   *
   * @throws {GroupFailure} if one has.
   */
  check(): void;
  /** Ends the group because of this rank: the others' operations throw with its number and this reason, at once. */
  fail(reason: string): Promise<void>;
  /** Leaves the group, when all is done. */
  close(): Promise<void>;
}

/** What an array becomes over the ranks. */
export type Reduction = "sum" | "average" | "max";
