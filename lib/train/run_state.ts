import type { CorruptImage } from "../data/loader.ts";
import type { NamedPairResult } from "../eval/pair_table.ts";
import type { LossScaleState } from "./loss_scale.ts";
import type { TrainOptions } from "./options.ts";

/** Sums over the epoch under way, for its line in the log. */
export interface EpochSums {
  /** Sum of loss times samples. */
  loss: number;
  /** Right answers. */
  right: number;
  /** Samples. */
  samples: number;
}

/** The best validation so far. */
export interface BestModel {
  /** Mean accuracy over the sets. */
  accuracy: number;
  /** Epochs that were finished then. */
  epoch: number;
  /** Steps that were finished then. */
  step: number;
}

/** Where a run stands: with the weights, all that the next step is a function of, and what is reported at the end. */
export interface RunState {
  /** Epochs finished. */
  epoch: number;
  /** Steps finished since the start of the run. */
  step: number;
  /** Steps finished in the epoch under way. */
  epochStep: number;
  /** Place in the order of the epoch under way. */
  position: number;
  /** Steps that were finished at the last validation; undefined before the first. */
  validated: number | undefined;
  /** Sums over the epoch under way. */
  sums: EpochSums;
  /** Share of right answers in the last epoch; undefined before its end. */
  trainAccuracy: number | undefined;
  /** Last validation, a row per set. */
  validation: NamedPairResult[];
  /** Validation of the untrained network, where it was asked for. */
  untrained: NamedPairResult[];
  /** Best validation so far. */
  best: BestModel | undefined;
  /** Corrupt images met so far, each once, at most the first 1000. */
  corrupt: CorruptImage[];
  /** How many they are. */
  corruptCount: number;
  /** Seconds so far, over all resumed parts. */
  seconds: number;
  /** Where the loss scale of mixed precision stands. */
  lossScale?: LossScaleState;
}

/** Where every run begins. */
export function freshState(): RunState {
  return {
    epoch: 0,
    step: 0,
    epochStep: 0,
    position: 0,
    validated: undefined,
    sums: { loss: 0, right: 0, samples: 0 },
    trainAccuracy: undefined,
    validation: [],
    untrained: [],
    best: undefined,
    corrupt: [],
    corruptCount: 0,
    seconds: 0,
  };
}

/** Whether all steps were taken. */
export function isEnded({ epoch, step }: RunState, options: Pick<TrainOptions, "endEpoch" | "maxSteps">): boolean {
  return epoch >= options.endEpoch || step >= (options.maxSteps ?? Infinity);
}

/** Whether a validation comes next: after every `valFreq` epochs, and at the end. */
export function isValidationDue(
  state: RunState,
  options: Pick<TrainOptions, "endEpoch" | "maxSteps" | "valFreq">,
): boolean {
  if (state.step <= (state.validated ?? 0)) return false;
  return isEnded(state, options) || (state.epochStep === 0 && state.epoch % options.valFreq === 0);
}

/** Whether nothing is left to do. */
export function isFinished(
  state: RunState,
  options: Pick<TrainOptions, "endEpoch" | "maxSteps" | "valFreq">,
): boolean {
  return isEnded(state, options) && !isValidationDue(state, options);
}
