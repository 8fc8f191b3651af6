/** Pairs `start` … `end`-1; how many of them, and of all others together, are of one person (own) and of two (other). */
export interface Fold {
  /** The first pair. */
  readonly start: number;
  /** One past the last. */
  readonly end: number;
  /** Pairs of one person in it. */
  readonly owns: number;
  /** Pairs of two persons in it. */
  readonly others: number;
  /** Pairs of one person in all other folds. */
  readonly trainOwns: number;
  /** Pairs of two persons in all other folds. */
  readonly trainOthers: number;
}

/** Per fold and threshold: pairs accepted, that is, with a distance below it. [folds][thresholds] */
export interface AcceptedCounts {
  /** The thresholds. */
  readonly thresholds: Float64Array;
  /** Pairs of one person. */
  readonly own: Uint32Array[];
  /** Pairs of two. */
  readonly other: Uint32Array[];
  /** Those of one person, over all folds. */
  readonly ownTotal: Uint32Array;
  /** Those of two, over all folds. */
  readonly otherTotal: Uint32Array;
}

/** Thresholds of the accuracy: 0, 0.01, … 3.99. Products, not sums, so that they are the same doubles everywhere. */
export const THRESHOLDS: Float64Array = Float64Array.from({ length: 400 }, (_, i) => i * 0.01);
/** Thresholds of VAL: 0, 0.001, … 3.999. */
export const VAL_THRESHOLDS: Float64Array = Float64Array.from({ length: 4000 }, (_, i) => i * 0.001);

/** Contiguous folds, as equal as can be: the first (pairs mod folds) are one longer. */
export function splitFolds(same: readonly boolean[], count: number): Fold[] {
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

/** Per pair the index of the first of the (evenly spaced) thresholds above its distance, their number where there is none. */
export function thresholdBins(distances: Float64Array, thresholds: Float64Array): Uint16Array {
  const size = thresholds.length;
  const step = thresholds[1];
  return Uint16Array.from(distances, (distance) => {
    let at = Math.min(size, Math.floor(distance / step));
    while (at > 0 && distance < thresholds[at - 1]) at--; // the quotient may be off by one
    while (at < size && distance >= thresholds[at]) at++;
    return at;
  });
}

/** Counts each pair, as often as its weight says, at its bin, then sums up. */
export function countAccepted(
  bins: Uint16Array,
  same: readonly boolean[],
  folds: readonly Fold[],
  thresholds: Float64Array,
  weights?: Uint16Array,
): AcceptedCounts {
  const size = thresholds.length;
  const ownTotal = new Uint32Array(size);
  const otherTotal = new Uint32Array(size);
  const counts: AcceptedCounts = { thresholds, own: [], other: [], ownTotal, otherTotal };
  for (const { start, end } of folds) {
    const own = new Uint32Array(size);
    const other = new Uint32Array(size);
    for (let k = start; k < end; k++) {
      if (bins[k] < size) (same[k] ? own : other)[bins[k]] += weights === undefined ? 1 : weights[k];
    }
    for (let t = 0, owns = 0, others = 0; t < size; t++) {
      own[t] = owns += own[t];
      other[t] = others += other[t];
      ownTotal[t] += owns;
      otherTotal[t] += others;
    }
    counts.own.push(own);
    counts.other.push(other);
  }
  return counts;
}

/** Index of the first of the thresholds that tell most pairs of the other folds right. */
export function bestThreshold(
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
export function thresholdAtFar(
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
