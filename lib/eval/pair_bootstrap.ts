import { Random } from "../data/random.ts";
import type { PairProtocol } from "./pairs.ts";

/** The lower and the upper end of an interval. */
export type Interval = readonly [low: number, high: number];

/** What is drawn again. */
export interface BootstrapOptions {
  /** How many times. @default 1000 */
  readonly resamples?: number;
  /** Seed of the draws: the same seed, folds and kinds of pairs give the same draws, whatever the model. @default 21 */
  readonly seed?: number;
}

/** Figures that have an interval. */
export const BOOTSTRAPPED = ["accuracy", "val", "auc", "eer"] as const;

/** Each figure of each resample. */
export type PairDraws = { readonly [figure in "accuracy" | "val" | "auc" | "eer"]: Float64Array };

/** Names the draws among the streams of a seed. */
const STREAM = 0xb007;

/**
 * The figures of a pair set on resamples of its pairs. Pairs are drawn, with replacement, within their fold and kind (one person, two
 * persons), whose numbers the makers of a set fixed; the protocol, thresholds too, is gone through anew each time.
 */
export function bootstrapPairs(protocol: PairProtocol, options: BootstrapOptions = {}): PairDraws {
  const { resamples = 1000 } = options;
  const draws: PairDraws = {
    accuracy: new Float64Array(resamples),
    val: new Float64Array(resamples),
    auc: new Float64Array(resamples),
    eer: new Float64Array(resamples),
  };
  const curve = weightedCurve(protocol);
  let r = 0;
  for (const weights of pairWeights(protocol, options)) {
    const { accuracy, val } = protocol.evaluateFolds(weights);
    const { auc, eer } = curve(weights);
    draws.accuracy[r] = accuracy;
    draws.val[r] = val;
    draws.auc[r] = auc;
    draws.eer[r] = eer;
    r++;
  }
  return draws;
}

/** How often each pair is drawn, for each resample; the array is used again for the next. */
export function* pairWeights(
  { folds, same }: Pick<PairProtocol, "folds" | "same">,
  { resamples = 1000, seed = 21 }: BootstrapOptions = {},
): Generator<Uint16Array> {
  const strata = folds.flatMap(({ start, end }) => {
    const pairs = Array.from({ length: end - start }, (_, i) => start + i);
    return [pairs.filter((k) => same[k]), pairs.filter((k) => !same[k])].map((kind) => Uint32Array.from(kind));
  });
  const weights = new Uint16Array(same.length);
  const random = new Random(seed, STREAM);
  for (let r = 0; r < resamples; r++) {
    weights.fill(0);
    for (const stratum of strata) {
      for (let i = 0; i < stratum.length; i++) weights[stratum[random.below(stratum.length)]]++;
    }
    yield weights;
  }
}

/** The middle `confidence` of some draws. */
export function percentileInterval(draws: ArrayLike<number>, confidence = 0.95): Interval {
  const sorted = Float64Array.from(draws).sort();
  const at = (share: number) => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  };
  return [at((1 - confidence) / 2), at((1 + confidence) / 2)];
}

/** Area and equal error rate of the exact ROC with weighted pairs: sorted once, one pass each time. */
function weightedCurve({ distances, same }: PairProtocol): (weights: Uint16Array) => { auc: number; eer: number } {
  const order = Uint32Array.from({ length: same.length }, (_, k) => k).sort((a, b) => distances[a] - distances[b]);
  const isLast = Uint8Array.from(
    order,
    (k, i) => i + 1 < order.length && distances[order[i + 1]] === distances[k] ? 0 : 1,
  );
  const isSame = Uint8Array.from(same, Number);
  const positives = same.filter(Boolean).length;
  const negatives = same.length - positives;
  return (weights) => {
    let own = 0, other = 0, area = 0, lastOwn = 0, lastOther = 0;
    let eer: number | undefined;
    for (let i = 0; i < order.length; i++) {
      const k = order[i];
      if (isSame[k]) own += weights[k];
      else other += weights[k];
      if (!isLast[i]) continue;
      area += (other - lastOther) * (own + lastOwn) / 2;
      if (eer === undefined && other / negatives >= 1 - own / positives) {
        const before = { accept: lastOther / negatives, reject: 1 - lastOwn / positives };
        const gap = before.reject - before.accept;
        const share = gap / (gap + other / negatives - (1 - own / positives));
        eer = before.accept + share * (other / negatives - before.accept);
      }
      lastOwn = own;
      lastOther = other;
    }
    return { auc: area / positives / negatives, eer: eer ?? 1 };
  };
}
