import type { PairAnalysis } from "../analyse_pairs.ts";

/** A pair that was told wrong. */
export interface WrongPair {
  /** Its number in the set, from 0: images 2 * pair and 2 * pair + 1. */
  readonly pair: number;
  /** The fold it is in, from 0. */
  readonly fold: number;
  /** Cosine of its embeddings, all numbers as they are. */
  readonly similarity: number;
  /** The distance that it was judged by. */
  readonly distance: number;
  /** The threshold of its fold: pairs with a smaller distance are accepted. */
  readonly threshold: number;
}

/** The pairs of one kind that were told wrong. */
export interface PairErrors {
  /** All of them. */
  readonly count: number;
  /** Of so many pairs of the kind. */
  readonly of: number;
  /** Those that were wrong by most, the worst first. */
  readonly hardest: readonly WrongPair[];
}

/** What a model gets wrong in a set. */
export interface SetErrors {
  /** Pairs of two people that were accepted. */
  readonly falseAccepts: PairErrors;
  /** Pairs of one person that were refused. */
  readonly falseRejects: PairErrors;
}

/**
 * The pairs that the accuracy counts as wrong, each by the threshold of its own fold, and the `most` of each kind that are hardest: the
 * nearest of two people, the farthest of one, by distance. Of equal ones the first in the set comes first.
 */
export function hardestErrors({ protocol, result, similarities }: PairAnalysis, most: number): SetErrors {
  const accepts: WrongPair[] = [], rejects: WrongPair[] = [];
  for (const [fold, { start, end }] of protocol.folds.entries()) {
    const { threshold } = result.folds[fold];
    for (let pair = start; pair < end; pair++) {
      const distance = protocol.distances[pair];
      if ((distance < threshold) === protocol.same[pair]) continue;
      (protocol.same[pair] ? rejects : accepts).push({
        pair,
        fold,
        similarity: similarities[pair],
        distance,
        threshold,
      });
    }
  }
  accepts.sort((a, b) => a.distance - b.distance || a.pair - b.pair);
  rejects.sort((a, b) => b.distance - a.distance || a.pair - b.pair);
  const errors = (all: WrongPair[], of: number) => ({ count: all.length, of, hardest: all.slice(0, most) });
  return {
    falseAccepts: errors(accepts, result.pairs - result.same),
    falseRejects: errors(rejects, result.same),
  };
}
