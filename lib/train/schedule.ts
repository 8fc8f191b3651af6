/** What the learning rate follows from: the part of TrainOptions that is about it. */
export interface ScheduleOptions {
  /** Learning rate that the schedule starts from, after the warm-up. */
  lr: number;
  /** How it goes on. */
  schedule: "multistep" | "polynomial";
  /** Number of epochs. */
  endEpoch: number;
  /** Multi-step: numbers of finished epochs at which it is multiplied by `gamma`. */
  lrMilestones: readonly number[];
  /** Multi-step: the factor. */
  gamma: number;
  /** Polynomial: the exponent. */
  polyPower: number;
  /** Epochs, or a part of one, in which it rises linearly. */
  warmupEpochs: number;
}

/** Where a run is. */
export interface SchedulePosition {
  /** Finished epochs: 0 in the first. */
  epoch: number;
  /** Steps of this epoch that are finished: 0 at its first. */
  step: number;
  /** Steps of an epoch. */
  stepsPerEpoch: number;
}

/**
 * The learning rate of one step; a function of the position alone, so that a resumed run goes on with the same.
 *
 * - warm-up, k of w steps finished: `lr * (k + 1) / w`, so that the last of them has the full rate;
 * - multi-step: `lr * gamma^(milestones reached)`; milestone 8 is reached when 8 epochs are finished;
 * - polynomial, k of n steps after the warm-up finished: `lr * (1 - k / n)^polyPower`.
 *
 * @example
 * ```ts
 * import { learningRate } from "./schedule.ts";
 * import { parseTrainOptions } from "./options.ts";
 *
 * const options = parseTrainOptions(); // lr 0.1, milestones 8, 16, 22
 * const rate = learningRate(options, { epoch: 8, step: 0, stepsPerEpoch: 100 });
 * console.assert(Math.abs(rate - 0.01) < 1e-12);
 * ```
 */
export function learningRate(options: ScheduleOptions, position: SchedulePosition): number {
  const { lr, schedule, endEpoch, lrMilestones, gamma, polyPower, warmupEpochs } = options;
  const { epoch, step, stepsPerEpoch } = position;
  const done = epoch * stepsPerEpoch + step;
  const warmup = Math.round(warmupEpochs * stepsPerEpoch);
  if (done < warmup) return lr * (done + 1) / warmup;
  if (schedule === "multistep") return lr * gamma ** lrMilestones.filter((milestone) => epoch >= milestone).length;
  const left = 1 - (done - warmup) / Math.max(1, endEpoch * stepsPerEpoch - warmup);
  return lr * Math.max(0, left) ** polyPower;
}
