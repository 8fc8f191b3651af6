import { InputError } from "../errors.ts";
import { meanDraws, type PairAnalysis } from "./analyse_pairs.ts";
import { type FairCoinTest, fairCoinTest } from "./binomial.ts";
import { type Interval, percentileInterval } from "./pair_bootstrap.ts";

/** Two models on the same pairs: whether their difference can be chance. */
export interface ModelComparison {
  /** The set's name, or "mean" for all sets together. */
  readonly set: string;
  /** Accuracy of the first model minus that of the other. */
  readonly difference: number;
  /** 95 % interval of the difference: both models on the same resamples of the pairs. */
  readonly interval: Interval;
  /** Two-sided: the chance of a difference this far from 0 were there none, as far as the resamples tell. */
  readonly bootstrapP: number;
  /** Pairs that only the first model tells right, each model at its folds' thresholds. */
  readonly onlyFirst: number;
  /** Pairs that only the other tells right. */
  readonly onlyOther: number;
  /** McNemar's test on these two. */
  readonly mcNemar: FairCoinTest;
}

/**
 * Compares two models on the same sets, a row per set, then one for all.
 *
 * Both must have been analysed with the same folds and seed: then their resamples draw the same pairs.
 *
 * @source McNemar, "Note on the sampling error of the difference between correlated proportions", 1947; Fagerland et al., 2013 (mid-p)
 * @throws {InputError} if the sets are not the same.
 */
export function compareModels(first: readonly PairAnalysis[], other: readonly PairAnalysis[]): ModelComparison[] {
  const rows = first.map((a, i): ModelComparison => {
    const b = other[i];
    if (b === undefined || b.path !== a.path || a.protocol.same.some((same, k) => same !== b.protocol.same[k])) {
      throw new InputError(
        `Cannot compare models: expected both on ${a.path}, found ${
          b?.path ?? "nothing"
        } for the other; give the same sets`,
      );
    }
    const [right, otherRight] = [a, b].map(toldRight);
    let onlyFirst = 0, onlyOther = 0;
    for (let k = 0; k < right.length; k++) {
      if (right[k] > otherRight[k]) onlyFirst++;
      else if (right[k] < otherRight[k]) onlyOther++;
    }
    const draws = a.draws.accuracy.map((value, r) => value - b.draws.accuracy[r]);
    const difference = a.result.accuracy - b.result.accuracy;
    return row(a.name, difference, draws, onlyFirst, onlyOther);
  });
  if (rows.length < 2) return rows;
  const sum = (key: "difference" | "onlyFirst" | "onlyOther") => rows.reduce((total, one) => total + one[key], 0);
  const [mine, others] = [first, other].map((analyses) => meanDraws(analyses).accuracy);
  const draws = mine.map((value, r) => value - others[r]);
  return [...rows, row("mean", sum("difference") / rows.length, draws, sum("onlyFirst"), sum("onlyOther"))];
}

function row(
  set: string,
  difference: number,
  draws: Float64Array,
  onlyFirst: number,
  onlyOther: number,
): ModelComparison {
  let least = 0, most = 0;
  for (const draw of draws) {
    if (draw <= 0) least++;
    if (draw >= 0) most++;
  }
  return {
    set,
    difference,
    interval: percentileInterval(draws),
    bootstrapP: Math.min(1, 2 * (Math.min(least, most) + 1) / (draws.length + 1)),
    onlyFirst,
    onlyOther,
    mcNemar: fairCoinTest(onlyFirst, onlyFirst + onlyOther),
  };
}

/** Per pair 1 where its fold's threshold tells it right. */
export function toldRight({ protocol, result }: Pick<PairAnalysis, "protocol" | "result">): Uint8Array {
  const right = new Uint8Array(protocol.same.length);
  for (const [f, { start, end }] of protocol.folds.entries()) {
    const { threshold } = result.folds[f];
    for (let k = start; k < end; k++) right[k] = Number(protocol.distances[k] < threshold === protocol.same[k]);
  }
  return right;
}
