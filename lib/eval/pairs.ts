import { InputError } from "../errors.ts";
import { foldDistances } from "./fold_distances.ts";
import type { PairDistances } from "./pair_distances.ts";
import {
  type AcceptedCounts,
  bestThreshold,
  countAccepted,
  type Fold,
  splitFolds,
  thresholdAtFar,
  thresholdBins,
  THRESHOLDS,
  VAL_THRESHOLDS,
} from "./pair_folds.ts";
import { areaUnderCurve, equalErrorRate, rocCurve } from "./roc.ts";

/** How far apart two embeddings are: the angle between them over pi, or the squared length of their difference. */
export type PairDistance = "cosine" | "euclidean";

/** Options of the pair protocol. */
export interface PairOptions {
  /** Contiguous folds the pairs are split into. @default 10 */
  folds?: number;
  /** Distance that the accuracy and the curve are made on. @default "cosine" */
  distance?: PairDistance;
  /** False accept rate that VAL is reported at. @default 1e-3 */
  farTarget?: number;
  /**
   * Compare embeddings in their first principal axes only, fitted for each fold on the other folds.
   * @default all numbers as they are
   */
  pca?: number;
}

/** One fold: thresholds come from the other folds, rates from this one. */
export interface PairFold {
  /** Share of this fold's pairs told right at `threshold`. */
  accuracy: number;
  /** The threshold on the distance with the best accuracy on the other folds. */
  threshold: number;
  /** True accept rate at `valThreshold`; undefined where the fold has no pair of one person. */
  val: number | undefined;
  /** False accept rate at `valThreshold`; undefined where the fold has no pair of two persons. */
  far: number | undefined;
  /** The threshold on the squared L2 distance at which the other folds' false accept rate is the target. */
  valThreshold: number;
}

/** Mean over the folds of the rates at fixed thresholds. */
export interface PairCurve {
  /** Thresholds on the distance: 0, 0.01, … 3.99. */
  thresholds: Float64Array;
  /** True positive rate at each. */
  tpr: Float64Array;
  /** False positive rate at each. */
  fpr: Float64Array;
}

/** The figures of a pair set. */
export interface PairFigures {
  /** Number of pairs. */
  pairs: number;
  /** Pairs of one person. */
  same: number;
  /** The distance the accuracy was made on. */
  distance: PairDistance;
  /** Mean accuracy of the folds. */
  accuracy: number;
  /** Standard deviation (population) of the folds' accuracies. */
  accuracyStd: number;
  /** Mean true accept rate at the false accept rate `farTarget`. */
  val: number;
  /** Standard deviation (population) of the folds' true accept rates. */
  valStd: number;
  /** Mean false accept rate that was met at those thresholds. */
  far: number;
  /** The false accept rate asked for. */
  farTarget: number;
  /** Area under the exact ROC. */
  auc: number;
  /** Equal error rate of the exact ROC. */
  eer: number;
  /** Exact-threshold accuracy: the best single threshold for all pairs, every midpoint tried. Optimistic; no folds. */
  bestThresholdAccuracy: number;
  /** That threshold. */
  bestThreshold: number;
}

/** What the pair protocol reports. */
export interface PairResult extends PairFigures {
  /** The folds, in file order. */
  folds: PairFold[];
  /** Rates at the fixed thresholds, mean of the folds. */
  curve: PairCurve;
}

/**
 * Accuracy of a pair set under the ten-fold protocol of LFW, and its companions (VAL at a false accept rate, AUC, EER).
 *
 * `embeddings` is [2n, dim], row-major; pair k is rows 2k and 2k+1. Rows need not be of unit length: only their direction counts.
 * `same[k]` says whether pair k shows one person.
 *
 * @throws {InputError} if lengths do not fit, an embedding is zero or not finite, there are fewer pairs than folds, or pairs of one
 * kind only.
 * @source Huang et al., "Labeled Faces in the Wild", 2007, the restricted protocol; Schroff et al., "FaceNet", 2015, VAL and FAR
 *
 * @example
 * ```ts
 * import { evaluatePairs } from "./pairs.ts";
 *
 * // four pairs in the plane: two nearly parallel, two at right angles
 * const embeddings = Float32Array.of(1, 0, 1, 0.1, 1, 0, 0, 1, 0, 1, 0.1, 1, 0, 1, 1, 0);
 * const { accuracy, auc } = evaluatePairs(embeddings, [true, false, true, false], { folds: 2 });
 * console.assert(accuracy === 1 && auc === 1);
 * ```
 */
export function evaluatePairs(
  embeddings: Float32Array | Float64Array,
  same: readonly boolean[],
  options: PairOptions = {},
): PairResult {
  const { folds: foldCount = 10, pca } = options;
  checkPairs(embeddings.length, same, options);
  return new PairProtocol(foldDistances(embeddings, same, { folds: foldCount, pca }), same, options).evaluate();
}

/** What a resample of the pairs changes. */
export type FoldFigures = Pick<PairFigures, "accuracy" | "accuracyStd" | "val" | "valStd" | "far"> & {
  /** The folds, in file order. */
  folds: PairFold[];
};

/**
 * The pair protocol on distances that are known: prepared once, evaluated as often as wanted, each pair counted as often as weights
 * say. Weights must leave the number of pairs of either kind in each fold as it is.
 */
export class PairProtocol {
  /** Whether each pair shows one person. */
  readonly same: readonly boolean[];
  /** The folds' places. */
  readonly folds: readonly Fold[];
  /** Per pair the distance that its own fold was judged by. */
  readonly distances: Float64Array;
  /** Per pair the squared L2 distance that its own fold was judged by. */
  readonly euclidean: Float64Array;
  readonly #distance: PairDistance;
  readonly #farTarget: number;
  /** Per fold; one object where the folds' distances are. */
  readonly #bins: { readonly own: Uint16Array; readonly val: Uint16Array }[];

  /** `perFold[f]` are the distances of all pairs that fold f is judged by. */
  constructor(perFold: readonly PairDistances[], same: readonly boolean[], options: PairOptions = {}) {
    const { distance = "cosine", farTarget = 1e-3 } = options;
    this.same = same;
    this.folds = splitFolds(same, perFold.length);
    this.#distance = distance;
    this.#farTarget = farTarget;
    const known = new Map(
      [...new Set(perFold)].map((one) => [one, {
        own: thresholdBins(one[distance], THRESHOLDS),
        val: thresholdBins(one.euclidean, VAL_THRESHOLDS),
      }]),
    );
    this.#bins = perFold.map((one) => known.get(one)!);
    this.distances = new Float64Array(same.length);
    this.euclidean = new Float64Array(same.length);
    for (const [f, { start, end }] of this.folds.entries()) {
      this.distances.set(perFold[f][distance].subarray(start, end), start);
      this.euclidean.set(perFold[f].euclidean.subarray(start, end), start);
    }
  }

  /** Everything the protocol reports. */
  evaluate(): PairResult {
    const figures = this.evaluateFolds();
    const roc = rocCurve(this.distances.map((value) => -value), this.same);
    return {
      pairs: this.same.length,
      same: roc.positives,
      distance: this.#distance,
      farTarget: this.#farTarget,
      ...figures,
      auc: areaUnderCurve(roc),
      eer: equalErrorRate(roc),
      ...exactThreshold(roc),
      curve: this.#meanCurve(),
    };
  }

  /** What the folds say, with each pair counted `weights[k]` times. */
  evaluateFolds(weights?: Uint16Array): FoldFigures {
    const { same, folds } = this;
    let judged: unknown;
    let counts!: AcceptedCounts, valCounts!: AcceptedCounts;
    const results = folds.map((fold, f): PairFold => {
      const bins = this.#bins[f];
      if (bins !== judged) {
        judged = bins;
        counts = countAccepted(bins.own, same, folds, THRESHOLDS, weights);
        valCounts = countAccepted(bins.val, same, folds, VAL_THRESHOLDS, weights);
      }
      const best = bestThreshold(counts, fold, f);
      const valThreshold = thresholdAtFar(valCounts, fold, f, this.#farTarget);
      const accepted = this.#acceptedBelow(fold, valThreshold, weights);
      return {
        accuracy: (counts.own[f][best] + fold.others - counts.other[f][best]) / (fold.end - fold.start),
        threshold: THRESHOLDS[best],
        val: fold.owns > 0 ? accepted.own / fold.owns : undefined,
        far: fold.others > 0 ? accepted.other / fold.others : undefined,
        valThreshold,
      };
    });
    const accuracies = results.map((fold) => fold.accuracy);
    const vals = results.flatMap((fold) => fold.val ?? []);
    return {
      accuracy: mean(accuracies),
      accuracyStd: deviation(accuracies),
      folds: results,
      val: mean(vals),
      valStd: deviation(vals),
      far: mean(results.flatMap((fold) => fold.far ?? [])),
    };
  }

  #acceptedBelow({ start, end }: Fold, threshold: number, weights?: Uint16Array): { own: number; other: number } {
    const accepted = { own: 0, other: 0 };
    for (let k = start; k < end; k++) {
      if (this.euclidean[k] < threshold) {
        accepted[this.same[k] ? "own" : "other"] += weights === undefined ? 1 : weights[k];
      }
    }
    return accepted;
  }

  /** Mean rates of the folds; a fold without pairs of a kind counts with rate 0. */
  #meanCurve(): PairCurve {
    const { own, other } = countAccepted(thresholdBins(this.distances, THRESHOLDS), this.same, this.folds, THRESHOLDS);
    const rate = (counts: Uint32Array[], kind: "owns" | "others") =>
      THRESHOLDS.map((_, t) => mean(this.folds.map((fold, f) => fold[kind] > 0 ? counts[f][t] / fold[kind] : 0)));
    return { thresholds: THRESHOLDS.slice(), tpr: rate(own, "owns"), fpr: rate(other, "others") };
  }
}

/**
 * Checks what the protocol is asked for; `length` is how many numbers the embeddings have.
 *
 * @throws {InputError} at what does not fit.
 */
export function checkPairs(length: number, same: readonly boolean[], options: PairOptions = {}): void {
  const { folds = 10, distance = "cosine", farTarget = 1e-3 } = options;
  const fail = (what: string) => new InputError(`Cannot evaluate pairs: ${what}`);
  const pairs = same.length;
  if (!Number.isInteger(folds) || folds < 2) {
    throw fail(`expected at least 2 folds, found ${folds}; give a whole number`);
  }
  if (distance !== "cosine" && distance !== "euclidean") {
    throw fail(`expected the distance cosine or euclidean, found ${distance}; give one of the two`);
  }
  if (!(farTarget >= 0 && farTarget <= 1)) {
    throw fail(`expected a false accept rate between 0 and 1, found ${farTarget}; 0.001 is usual`);
  }
  if (pairs < folds) {
    throw fail(`expected at least ${folds} pairs for ${folds} folds, found ${pairs}; use a larger set`);
  }
  if (length === 0 || length % (2 * pairs) !== 0) {
    throw fail(`expected two embeddings for each of ${pairs} pairs, found ${length} numbers; check the embeddings`);
  }
  const own = same.filter(Boolean).length;
  if (own === 0 || own === pairs) {
    throw fail(`expected pairs of one person and of two, found ${own} and ${pairs - own}; use a set that has both`);
  }
}

/** The best accuracy of any threshold, and the middle of the gap it lies in. Scores of the curve are negated distances. */
function exactThreshold(roc: ReturnType<typeof rocCurve>): { bestThresholdAccuracy: number; bestThreshold: number } {
  const { thresholds, truePositives, falsePositives, positives, negatives } = roc;
  let best = 0;
  let most = -1;
  for (let i = 0; i < thresholds.length; i++) {
    const right = truePositives[i] + negatives - falsePositives[i];
    if (right > most) {
      most = right;
      best = i;
    }
  }
  const accepted = best > 0 ? -thresholds[best] : 0;
  const refused = best + 1 < thresholds.length ? -thresholds[best + 1] : accepted;
  return { bestThresholdAccuracy: most / (positives + negatives), bestThreshold: (accepted + refused) / 2 };
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const center = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - center) ** 2)));
}
