import { InputError } from "../errors.ts";

/** Receiver operating characteristic of scores: how many of each kind are accepted as the threshold falls. */
export interface RocCurve {
  /** Scores at which something changes, falling; point i accepts scores >= thresholds[i]. The first is Infinity: nothing is accepted. */
  readonly thresholds: Float64Array;
  /** Per point: accepted pairs of one person. */
  readonly truePositives: Uint32Array;
  /** Per point: accepted pairs of two persons. */
  readonly falsePositives: Uint32Array;
  /** Pairs of one person, at least 1. */
  readonly positives: number;
  /** Pairs of two persons, at least 1. */
  readonly negatives: number;
}

/** A point of a curve. */
export interface RocPoint {
  /** True positive rate (recall, 1 - false rejection rate). */
  tpr: number;
  /** False positive rate (false accept rate). */
  fpr: number;
  /** Scores from here on are accepted. */
  threshold: number;
}

/**
 * The ROC of `scores` (higher is more alike), one point per distinct score. `same[i]` is true or 1 for pairs of one person.
 * Time n log n; three arrays of at most n + 1 entries are kept.
 *
 * @throws {InputError} if the lengths differ, a score is NaN, or there are only pairs of one kind.
 *
 * @example
 * ```ts
 * import { areaUnderCurve, rocCurve } from "./roc.ts";
 *
 * const curve = rocCurve([0.9, 0.8, 0.3, 0.1], [true, false, true, false]);
 * console.assert(areaUnderCurve(curve) === 0.75);
 * ```
 */
export function rocCurve(scores: ArrayLike<number>, same: ArrayLike<boolean | number>): RocCurve {
  const fail = (what: string) => new InputError(`Cannot compute a ROC: ${what}`);
  if (scores.length !== same.length) {
    throw fail(`expected a label per score, found ${scores.length} scores and ${same.length} labels; check the list`);
  }
  let positives = 0;
  for (let i = 0; i < same.length; i++) if (same[i]) positives++;
  const negatives = same.length - positives;
  if (positives === 0 || negatives === 0) {
    throw fail(`expected pairs of one person and of two, found ${positives} and ${negatives}; use a set that has both`);
  }
  // typed arrays sort by value, without a callback: the two kinds apart, then merged from the top
  const own = new Float64Array(positives);
  const other = new Float64Array(negatives);
  for (let i = 0, p = 0, n = 0; i < scores.length; i++) {
    if (Number.isNaN(scores[i])) {
      throw fail(`expected numbers, found NaN as score ${i}; the model's embeddings are not finite`);
    }
    if (same[i]) own[p++] = scores[i];
    else other[n++] = scores[i];
  }
  own.sort();
  other.sort();
  const thresholds = new Float64Array(scores.length + 1);
  const truePositives = new Uint32Array(scores.length + 1);
  const falsePositives = new Uint32Array(scores.length + 1);
  thresholds[0] = Infinity;
  let points = 1;
  for (let p = positives - 1, n = negatives - 1; p >= 0 || n >= 0; points++) {
    const score = Math.max(p >= 0 ? own[p] : -Infinity, n >= 0 ? other[n] : -Infinity);
    while (p >= 0 && own[p] === score) p--;
    while (n >= 0 && other[n] === score) n--;
    thresholds[points] = score;
    truePositives[points] = positives - 1 - p;
    falsePositives[points] = negatives - 1 - n;
  }
  return {
    thresholds: thresholds.subarray(0, points),
    truePositives: truePositives.subarray(0, points),
    falsePositives: falsePositives.subarray(0, points),
    positives,
    negatives,
  };
}

/** Area under the curve: the chance that a pair of one person scores above a pair of two; equal scores count half. */
export function areaUnderCurve({ truePositives, falsePositives, positives, negatives }: RocCurve): number {
  let area = 0;
  for (let i = 1; i < truePositives.length; i++) {
    area += (falsePositives[i] - falsePositives[i - 1]) * ((truePositives[i] + truePositives[i - 1]) / 2);
  }
  return area / positives / negatives;
}

/** The rate at which false accepts and false rejects are equal, between the two nearest points by a straight line. */
export function equalErrorRate({ truePositives, falsePositives, positives, negatives }: RocCurve): number {
  let before = { accept: 0, reject: 1 };
  for (let i = 1; i < truePositives.length; i++) {
    const accept = falsePositives[i] / negatives;
    const reject = 1 - truePositives[i] / positives;
    if (accept >= reject) {
      const gap = before.reject - before.accept;
      const share = gap / (gap + accept - reject);
      return before.accept + share * (accept - before.accept);
    }
    before = { accept, reject };
  }
  return 1; // not reached: at the last point everything is accepted
}

/** Which points of a curve count. */
export interface TprAtFprOptions {
  /**
   * Leave out points on a straight line between their neighbours, as scikit-learn's `roc_curve` does by default. Published IJB
   * numbers were made so; the nearest point can then be another one.
   * @default false
   */
  corners?: boolean;
}

/**
 * The point of the curve whose false positive rate is nearest to `target`; of equally near ones the one with the larger true
 * positive rate.
 *
 * @source the IJB-B and IJB-C 1:1 protocols as the face-recognition world reports them
 */
export function tprAtFpr(curve: RocCurve, target: number, { corners = false }: TprAtFprOptions = {}): RocPoint {
  const { thresholds, truePositives: tp, falsePositives: fp, positives, negatives } = curve;
  const isCorner = (i: number) =>
    i <= 1 || i === tp.length - 1 || tp[i + 1] - tp[i] !== tp[i] - tp[i - 1] ||
    fp[i + 1] - fp[i] !== fp[i] - fp[i - 1];
  let best = -1;
  let nearest = Infinity;
  for (let i = 0; i < tp.length; i++) {
    const distance = Math.abs(fp[i] / negatives - target);
    if (distance > nearest) {
      if (fp[i] / negatives > target) break; // rates only grow from here
      continue;
    }
    if (corners && !isCorner(i)) continue;
    nearest = distance; // an equal distance too: a later point never has a smaller true positive rate
    best = i;
  }
  return { tpr: tp[best] / positives, fpr: fp[best] / negatives, threshold: thresholds[best] };
}
