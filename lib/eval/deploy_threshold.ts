import { InputError } from "../errors.ts";
import type { PairAnalysis } from "./analyse_pairs.ts";
import { binomialInterval } from "./binomial.ts";
import { type BootstrapOptions, type Interval, pairWeights, percentileInterval } from "./pair_bootstrap.ts";

/** A rate, how it was counted, and its 95 % interval (Clopper and Pearson). */
export interface CountedRate {
  /** Share of 1. */
  readonly rate: number;
  /** Pairs accepted. */
  readonly accepted: number;
  /** Of so many. */
  readonly of: number;
  /** 95 % interval. */
  readonly interval: Interval;
}

/** A threshold to deploy, and what to expect of it. */
export interface DeployThreshold {
  /** The set's name, or "all" for all pairs of all sets. */
  readonly set: string;
  /** The false positive rate asked for. */
  readonly fprTarget: number;
  /** Cosine similarity from which on two images count as one person. */
  readonly threshold: number;
  /** 95 % interval of the threshold, by resampling the pairs. */
  readonly thresholdInterval: Interval;
  /** False positive rate to expect: each fold's pairs at the threshold of the other folds. */
  readonly fpr: CountedRate;
  /** True positive rate to expect, likewise. */
  readonly tpr: CountedRate;
  /** Whether there are enough pairs of two persons for one of them to pass: 1 / fprTarget. */
  readonly resolved: boolean;
}

/**
 * The threshold at which at most `fprTarget` of the pairs of two persons are accepted, per set and for all sets together. It lies halfway
 * between the lowest similarity that is accepted and the next pair of two persons below.
 *
 * @throws {InputError} if the rate is not between 0 and 1.
 */
export function deployThresholds(
  analyses: readonly PairAnalysis[],
  fprTarget: number,
  options: BootstrapOptions = {},
): DeployThreshold[] {
  if (!(fprTarget > 0 && fprTarget < 1)) {
    throw new InputError(
      `Cannot choose a threshold: expected a false positive rate between 0 and 1, found ${fprTarget}; 1e-4 is usual`,
    );
  }
  const rows = analyses.map((one) => deployThreshold(one.name, [one], fprTarget, options));
  return rows.length < 2 ? rows : [...rows, deployThreshold("all", analyses, fprTarget, options)];
}

/** Similarities of some folds' pairs: of one person (own), of two (other). */
interface Scores {
  readonly own: Float64Array;
  readonly other: Float64Array;
}

function deployThreshold(
  set: string,
  analyses: readonly PairAnalysis[],
  fprTarget: number,
  options: BootstrapOptions,
): DeployThreshold {
  const folds = analyses[0].protocol.folds.length;
  const scores = Array.from({ length: folds }, (_, f) => foldScores(analyses, f));
  const everything = join(scores);
  let falses = 0, trues = 0;
  for (const [f, held] of scores.entries()) {
    const threshold = thresholdOf(join(scores.filter((_, other) => other !== f)), fprTarget);
    for (const score of held.other) if (score >= threshold) falses++;
    for (const score of held.own) if (score >= threshold) trues++;
  }
  return {
    set,
    fprTarget,
    threshold: thresholdOf(everything, fprTarget),
    thresholdInterval: percentileInterval(thresholdDraws(analyses, fprTarget, options)),
    fpr: counted(falses, everything.other.length),
    tpr: counted(trues, everything.own.length),
    resolved: everything.other.length * fprTarget >= 1,
  };
}

function counted(accepted: number, of: number): CountedRate {
  return { rate: accepted / of, accepted, of, interval: binomialInterval(accepted, of) };
}

function foldScores(analyses: readonly PairAnalysis[], f: number): Scores {
  const own: number[] = [], other: number[] = [];
  for (const { protocol, similarities } of analyses) {
    const { start, end } = protocol.folds[f];
    for (let k = start; k < end; k++) (protocol.same[k] ? own : other).push(similarities[k]);
  }
  return { own: Float64Array.from(own), other: Float64Array.from(other) };
}

function join(scores: readonly Scores[]): Scores {
  const all = (kind: keyof Scores) => Float64Array.from(scores.flatMap((one) => [...one[kind]]));
  return { own: all("own"), other: all("other") };
}

/** Between the lowest similarity above it and the highest pair of two persons that must not pass. */
function thresholdOf({ own, other }: Scores, fprTarget: number): number {
  const sorted = other.slice().sort();
  const mayPass = Math.floor(fprTarget * sorted.length + 1e-9);
  const refused = sorted[sorted.length - 1 - mayPass];
  if (refused === undefined) return -1;
  let accepted = 1; // nothing is more alike than an image and itself
  for (const kind of [own, other]) for (const score of kind) if (score > refused && score < accepted) accepted = score;
  const middle = (accepted + refused) / 2;
  return middle > refused ? middle : accepted > refused ? accepted : refused + Number.EPSILON;
}

/** The threshold on resamples of the pairs. */
function thresholdDraws(
  analyses: readonly PairAnalysis[],
  fprTarget: number,
  options: BootstrapOptions,
): Float64Array {
  const protocols = analyses.map(({ protocol }) => protocol);
  const same = protocols.flatMap((protocol) => protocol.same);
  const starts = protocols.map((_, i) => protocols.slice(0, i).reduce((sum, one) => sum + one.same.length, 0));
  const folds = protocols.flatMap((one, i) =>
    one.folds.map((fold) => ({ ...fold, start: fold.start + starts[i], end: fold.end + starts[i] }))
  );
  const similarities = Float64Array.from(analyses.flatMap((one) => [...one.similarities]));
  const order = Uint32Array.from(same.keys()).sort((a, b) => similarities[b] - similarities[a]);
  const others = same.filter((isSame) => !isSame).length;
  const mayPass = Math.floor(fprTarget * others + 1e-9);
  const draws: number[] = [];
  for (const weights of pairWeights({ same, folds }, options)) {
    let passed = 0, accepted = 1, threshold = -1;
    for (const k of order) {
      if (weights[k] === 0) continue;
      if (!same[k]) passed += weights[k];
      if (passed > mayPass) {
        threshold = (accepted + similarities[k]) / 2;
        break;
      }
      accepted = similarities[k];
    }
    draws.push(threshold);
  }
  return Float64Array.from(draws);
}
