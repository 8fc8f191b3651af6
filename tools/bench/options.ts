/** What a benchmark is told; those that a kind does not use, it leaves. */
export interface BenchOptions {
  /** Backbone. @default of `step` iresnet18, iresnet50 and mbf, else iresnet18 */
  readonly model?: string;
  /** Multiplier of the channels. */
  readonly width: number;
  /** Pixels a side. */
  readonly imageSize: number;
  /** Images or embeddings at once. @default 8, of `head` 64 and 512 */
  readonly batchSize?: number;
  /** Classes of the head. @default 1000, of `head` 85742 */
  readonly classes?: number;
  /** Timed runs of each side. */
  readonly runs: number;
  /** Whether stock tfjs is timed too. */
  readonly stock: boolean;
  /** Images at once for stock tfjs, which is compared with ours at the same batch. */
  readonly stockBatchSize: number;
  /** Seconds after which stock tfjs is left out. */
  readonly stockLimit: number;
  /** Whether PyTorch is timed too, where there is a Python that has it. */
  readonly torch: boolean;
  /** Seconds for finding the fastest kernels before `step`; without it the defaults are timed. */
  readonly tune?: number;
  /** Training set of `epoch`: a folder with a .rec, or the .rec. @default one made on the spot */
  readonly data?: string;
  /** Steps of `epoch`. */
  readonly steps: number;
  /** Web Workers that decode for `epoch`; 0 decodes in the main thread. @default what training takes */
  readonly workers?: number;
  /** Of IJB-C's size, for `verify`. */
  readonly share: number;
  /** Ranks of `dist`. */
  readonly ranks: number;
  /** Numbers that `dist` averages. */
  readonly floats: number;
  /** Where `scale` puts its plot. */
  readonly plot: string;
}
