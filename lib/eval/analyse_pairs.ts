import { crc32 } from "node:zlib";
import { hashNumbers } from "../data/random.ts";
import { foldDistances } from "./fold_distances.ts";
import {
  type BootstrapOptions,
  bootstrapPairs,
  BOOTSTRAPPED,
  type Interval,
  type PairDraws,
  percentileInterval,
} from "./pair_bootstrap.ts";
import { checkPairs, type PairOptions, PairProtocol, type PairResult } from "./pairs.ts";

/** How a pair set is analysed. */
export interface AnalysisOptions extends PairOptions, BootstrapOptions {}

/** A set's figures, how sure they are, and what they were made of. */
export interface PairAnalysis {
  /** The set's name. */
  readonly name: string;
  /** The file. */
  readonly path: string;
  /** The figures. */
  readonly result: PairResult;
  /** 95 % intervals of figures, by resampling the pairs. */
  readonly intervals: { readonly [figure in keyof PairDraws]: Interval };
  /** The resamples. */
  readonly draws: PairDraws;
  /** The protocol, prepared. */
  readonly protocol: PairProtocol;
  /** Cosine of each pair's embeddings, all numbers as they are, whatever distance was asked for. */
  readonly similarities: Float64Array;
}

/**
 * Evaluates a set as `evaluatePairs` does, with 95 % intervals.
 *
 * @throws {InputError} as `evaluatePairs` does, naming the set's file.
 *
 * @example
 * ```ts
 * import { analysePairs } from "./analyse_pairs.ts";
 *
 * const embeddings = Float32Array.of(1, 0, 1, 0.1, 1, 0, 0, 1, 0, 1, 0.1, 1, 0, 1, 1, 0);
 * const set = { name: "plane", path: "plane.bin", same: [true, false, true, false] };
 * const { intervals } = analysePairs(set, embeddings, { folds: 2, resamples: 100 });
 * console.assert(intervals.accuracy.join() === "1,1");
 * ```
 */
export function analysePairs(
  { name, path, same }: { readonly name: string; readonly path: string; readonly same: readonly boolean[] },
  embeddings: Float32Array | Float64Array,
  options: AnalysisOptions = {},
): PairAnalysis {
  const { folds = 10, pca } = options;
  checkPairs(embeddings.length, same, options);
  const perFold = foldDistances(embeddings, same, { folds, pca });
  const [whole] = pca === undefined ? perFold : foldDistances(embeddings, same, { folds: 1 });
  const protocol = new PairProtocol(perFold, same, options);
  // sets are drawn from by streams of their own: their draws are independent, and the same for every model
  const seed = hashNumbers(options.seed ?? 21, crc32(new TextEncoder().encode(name)));
  const draws = bootstrapPairs(protocol, { ...options, seed });
  return {
    name,
    path,
    result: protocol.evaluate(),
    intervals: intervalsOf(draws),
    draws,
    protocol,
    similarities: whole.euclidean.map((square) => 1 - square / 2),
  };
}

/** Draws of the mean over sets: the sets are independent of each other, so that any resample of one goes with any of another. */
export function meanDraws(analyses: readonly Pick<PairAnalysis, "draws">[]): PairDraws {
  const mean = (figure: keyof PairDraws) =>
    analyses[0].draws[figure].map((_, r) =>
      analyses.reduce((sum, { draws }) => sum + draws[figure][r], 0) / analyses.length
    );
  return { accuracy: mean("accuracy"), val: mean("val"), auc: mean("auc"), eer: mean("eer") };
}

/** The 95 % interval of each figure. */
export function intervalsOf(draws: PairDraws): PairAnalysis["intervals"] {
  return Object.fromEntries(
    BOOTSTRAPPED.map((figure) => [figure, percentileInterval(draws[figure])]),
  ) as PairAnalysis["intervals"];
}
