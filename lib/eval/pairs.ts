import { InputError } from "../errors.ts";
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

/** Thresholds of the accuracy: 0, 0.01, … 3.99. Products, not sums, so that they are the same doubles everywhere. */
const THRESHOLDS = Float64Array.from({ length: 400 }, (_, i) => i * 0.01);
/** Thresholds of VAL: 0, 0.001, … 3.999. */
const VAL_THRESHOLDS = Float64Array.from({ length: 4000 }, (_, i) => i * 0.001);

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
  const { folds: foldCount = 10, distance = "cosine", farTarget = 1e-3 } = options;
  const pairs = same.length;
  check(embeddings.length, same, foldCount, distance, farTarget);
  const { cosine, euclidean } = pairDistances(embeddings, pairs);
  const distances = distance === "cosine" ? cosine : euclidean;

  const folds = splitFolds(same, foldCount);
  const counts = countAccepted(distances, same, folds, THRESHOLDS);
  const valCounts = countAccepted(euclidean, same, folds, VAL_THRESHOLDS);
  const results = folds.map((fold, f): PairFold => {
    const best = bestThreshold(counts, fold, f);
    const valThreshold = thresholdAtFar(valCounts, fold, f, farTarget);
    const accepted = acceptedBelow(euclidean, same, fold, valThreshold);
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
  const roc = rocCurve(distances.map((value) => -value), same);
  return {
    pairs,
    same: roc.positives,
    distance,
    accuracy: mean(accuracies),
    accuracyStd: deviation(accuracies),
    folds: results,
    val: mean(vals),
    valStd: deviation(vals),
    far: mean(results.flatMap((fold) => fold.far ?? [])),
    farTarget,
    auc: areaUnderCurve(roc),
    eer: equalErrorRate(roc),
    ...exactThreshold(roc),
    curve: meanCurve(counts, folds),
  };
}

/** Pairs `start` … `end`-1; how many of them, and of all others together, are of one person (own) and of two (other). */
interface Fold {
  start: number;
  end: number;
  owns: number;
  others: number;
  trainOwns: number;
  trainOthers: number;
}

/** Per fold and threshold: pairs accepted, that is, with a distance below it. [folds][thresholds] */
interface AcceptedCounts {
  thresholds: Float64Array;
  own: Uint32Array[];
  other: Uint32Array[];
  /** Over all folds. */
  ownTotal: Uint32Array;
  otherTotal: Uint32Array;
}

function check(length: number, same: readonly boolean[], folds: number, distance: string, farTarget: number): void {
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

/** Both distances of every pair, in float64 on directions. */
function pairDistances(
  rows: Float32Array | Float64Array,
  pairs: number,
): { cosine: Float64Array; euclidean: Float64Array } {
  const dim = rows.length / (2 * pairs);
  const cosine = new Float64Array(pairs);
  const euclidean = new Float64Array(pairs);
  for (let k = 0; k < pairs; k++) {
    const a = 2 * k * dim;
    const b = a + dim;
    let aa = 0;
    let bb = 0;
    for (let d = 0; d < dim; d++) {
      aa += rows[a + d] * rows[a + d];
      bb += rows[b + d] * rows[b + d];
    }
    for (const [row, square] of [[2 * k, aa], [2 * k + 1, bb]]) {
      if (!(square > 0 && square < Infinity)) {
        const found = square === 0 ? "only zeros" : "a number that is not finite";
        throw new InputError(
          `Cannot evaluate pairs: expected an embedding with a direction, found ${found} in row ${row}; check the model`,
        );
      }
    }
    const scaleA = 1 / Math.sqrt(aa);
    const scaleB = 1 / Math.sqrt(bb);
    let dot = 0;
    let square = 0;
    for (let d = 0; d < dim; d++) {
      const x = rows[a + d] * scaleA;
      const y = rows[b + d] * scaleB;
      dot += x * y;
      square += (x - y) * (x - y);
    }
    cosine[k] = Math.acos(Math.max(-1, Math.min(1, dot))) / Math.PI;
    euclidean[k] = square;
  }
  return { cosine, euclidean };
}

/** Contiguous folds, as equal as can be: the first (pairs mod folds) are one longer. */
function splitFolds(same: readonly boolean[], count: number): Fold[] {
  const total = same.filter(Boolean).length;
  let end = 0;
  return Array.from({ length: count }, (_, f) => {
    const start = end;
    end += Math.floor(same.length / count) + (f < same.length % count ? 1 : 0);
    let owns = 0;
    for (let k = start; k < end; k++) if (same[k]) owns++;
    const others = end - start - owns;
    return { start, end, owns, others, trainOwns: total - owns, trainOthers: same.length - total - others };
  });
}

/** Counts each pair once, at the first threshold above its distance, then sums up. */
function countAccepted(
  distances: Float64Array,
  same: readonly boolean[],
  folds: readonly Fold[],
  thresholds: Float64Array,
): AcceptedCounts {
  const size = thresholds.length;
  const step = thresholds[1];
  const ownTotal = new Uint32Array(size);
  const otherTotal = new Uint32Array(size);
  const counts: AcceptedCounts = { thresholds, own: [], other: [], ownTotal, otherTotal };
  for (const { start, end } of folds) {
    const own = new Uint32Array(size);
    const other = new Uint32Array(size);
    for (let k = start; k < end; k++) {
      let at = Math.min(size, Math.floor(distances[k] / step));
      while (at > 0 && distances[k] < thresholds[at - 1]) at--; // the quotient may be off by one
      while (at < size && distances[k] >= thresholds[at]) at++;
      if (at < size) (same[k] ? own : other)[at]++;
    }
    for (let t = 0; t < size; t++) {
      if (t > 0) {
        own[t] += own[t - 1];
        other[t] += other[t - 1];
      }
      ownTotal[t] += own[t];
      otherTotal[t] += other[t];
    }
    counts.own.push(own);
    counts.other.push(other);
  }
  return counts;
}

/** Index of the first of the thresholds that tell most pairs of the other folds right. */
function bestThreshold(
  { thresholds, own, other, ownTotal, otherTotal }: AcceptedCounts,
  fold: Fold,
  f: number,
): number {
  let best = 0;
  let most = -1;
  for (let t = 0; t < thresholds.length; t++) {
    const right = ownTotal[t] - own[f][t] + fold.trainOthers - (otherTotal[t] - other[f][t]);
    if (right > most) {
      most = right;
      best = t;
    }
  }
  return best;
}

/** The threshold at which the false accept rate of the other folds reaches `target`, by linear interpolation; 0 if it never does. */
function thresholdAtFar(
  { thresholds, other, otherTotal }: AcceptedCounts,
  fold: Fold,
  f: number,
  target: number,
): number {
  if (fold.trainOthers === 0) return 0;
  const far = (t: number) => (otherTotal[t] - other[f][t]) / fold.trainOthers;
  let t = 0;
  while (t < thresholds.length && far(t) < target) t++;
  if (t === thresholds.length) return 0;
  if (t === 0) return thresholds[0];
  const slope = (thresholds[t] - thresholds[t - 1]) / (far(t) - far(t - 1));
  return slope * (target - far(t - 1)) + thresholds[t - 1];
}

function acceptedBelow(
  distances: Float64Array,
  same: readonly boolean[],
  { start, end }: Fold,
  threshold: number,
): { own: number; other: number } {
  const accepted = { own: 0, other: 0 };
  for (let k = start; k < end; k++) if (distances[k] < threshold) accepted[same[k] ? "own" : "other"]++;
  return accepted;
}

/** Mean rates of the folds; a fold without pairs of a kind counts with rate 0. */
function meanCurve({ thresholds, own, other }: AcceptedCounts, folds: readonly Fold[]): PairCurve {
  const rate = (counts: Uint32Array[], kind: "owns" | "others") =>
    thresholds.map((_, t) => mean(folds.map((fold, f) => fold[kind] > 0 ? counts[f][t] / fold[kind] : 0)));
  return { thresholds: thresholds.slice(), tpr: rate(own, "owns"), fpr: rate(other, "others") };
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
