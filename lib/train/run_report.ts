import type { TrainingSet } from "../data/training_set.ts";
import { version_core as tfjsVersion } from "../deps/tfjs.ts";
import type { NamedPairResult } from "../eval/pair_table.ts";
import { meanAccuracy } from "../eval/validation.ts";
import type { AdapterFacts } from "../gpu/adapter.ts";
import type { Backbone } from "../nn/backbone.ts";
import type { TrainOptions } from "./options.ts";
import { duration } from "./progress.ts";
import type { LogLine } from "./run_log.ts";
import type { RankRates } from "./run_ranks.ts";
import type { RunState } from "./run_state.ts";
import type { StepReading } from "./step_readings.ts";
import { VERSION } from "./version.ts";

/** What a run is made of, for its first lines and its result. */
export interface RunFacts {
  /** Its folder. */
  readonly folder: string;
  /** Its options. */
  readonly options: TrainOptions;
  /** What it is trained on. */
  readonly set: TrainingSet;
  /** What is trained. */
  readonly backbone: Backbone;
  /** What it is computed on. */
  readonly adapter: AdapterFacts;
}

/**
 * The lines a run begins with; `standing` says where it stands, after the name of its folder; `workers` are the adapters of all workers,
 * where there are several.
 */
export function openingLines(
  { folder, options, set, backbone, adapter }: RunFacts,
  standing: string,
  workers: readonly string[] = [],
): string[] {
  const { width, imageSize, batchSize, model, headType, precision } = options;
  const millions = (backbone.parameters.size / 1e6).toFixed(2);
  return [
    `adapter   ${adapter.name}${adapter.software ? " (software: computes on the processor)" : ""}`,
    ...workers.length > 1 ? [`workers   ${workersText(workers, options)}`] : [],
    `data      ${set.name}: ${set.size} images of ${set.classes} classes, batches of ${batchSize}`,
    `model     ${model}, width ${width}, images ${imageSize}x${imageSize}, ${millions} million parameters; head ${headType}` +
    (precision === "mixed" ? "; mixed precision" : ""),
    `run       ${folder}${standing}`,
  ];
}

/** "2: NVIDIA RTX 3090; averaged after each step". */
function workersText(workers: readonly string[], { syncEvery, syncWarmup, splitHead, syncBn }: TrainOptions): string {
  const names = [...new Set(workers)].map((name) => {
    const count = workers.filter((other) => other === name).length;
    return count === workers.length ? name : `${count} x ${name}`;
  });
  const words = [
    syncEvery === 1 ? "averaged after each step" : `averaged every ${syncEvery} steps`,
    ...syncEvery > 1 && syncWarmup > 0 ? [`in the first ${syncWarmup} after each`] : [],
    ...splitHead ? ["classifier divided"] : [],
    ...syncBn ? ["batch-norm over all"] : [],
  ];
  return `${workers.length}: ${names.join(", ")}; ${words.join(", ")}`;
}

/** A worker that is slower than the fastest by this much is named. */
const STRAGGLES = 0.75;

/** How the workers' time went: "workers 210 + 195 images/s  averaging 12 %". */
export function ratesText({ imagesPerSecond, averaging }: RankRates): string {
  const fastest = Math.max(...imagesPerSecond);
  const slowest = Math.min(...imagesPerSecond);
  const shown = imagesPerSecond.length > 8
    ? `${slowest.toFixed(0)} to ${fastest.toFixed(0)} images/s each`
    : `${imagesPerSecond.map((rate) => rate.toFixed(rate < 10 ? 1 : 0)).join(" + ")} images/s`;
  const lags = slowest < STRAGGLES * fastest ? `  worker ${imagesPerSecond.indexOf(slowest)} is slowest` : "";
  return `workers ${shown}  averaging ${(100 * averaging).toFixed(0)} %${lags}`;
}

/** One step in the log. */
export function stepLine(epoch: number, one: StepReading): LogLine {
  return {
    epoch,
    step: one.step,
    total_loss: one.loss,
    t: one.t,
    m_mean: one.marginMean,
    m_max: one.marginMax,
    m_min: one.marginMin,
    accuracy: one.right / one.samples,
    lr: one.rate,
    ...(one.lossScale !== undefined && { loss_scale: one.lossScale, skipped: one.skipped }),
  };
}

/** An epoch that is finished, in the log. `state` still has its sums. */
export function epochLine({ epoch, step, sums, corruptCount, seconds }: RunState): LogLine {
  const { loss, right, samples } = sums;
  return {
    epoch,
    step,
    total_loss: loss / samples,
    train_accuracy: right / samples,
    samples,
    corrupt: corruptCount,
    seconds,
  };
}

/** An epoch that is finished, for the reader. */
export function epochText({ epoch, sums, corruptCount, seconds }: RunState, endEpoch: number): string {
  const { loss, right, samples } = sums;
  const words = [
    epochNumber(epoch, endEpoch),
    `loss ${(loss / samples).toFixed(4)}`,
    `training accuracy ${percent(right / samples)}`,
  ];
  if (corruptCount > 0) words.push(`${corruptCount} corrupt image${corruptCount > 1 ? "s" : ""} left out`);
  return [...words, `${duration(seconds)} so far`].join("  ");
}

/** "epoch  8/25": as wide for the first epoch as for the last. */
export function epochNumber(epoch: number, endEpoch: number): string {
  return `epoch ${String(epoch).padStart(String(endEpoch).length)}/${endEpoch}`;
}

/** A validation in the log, a line per set. */
export function validationLines(
  results: readonly NamedPairResult[],
  { epoch, step }: Pick<RunState, "epoch" | "step">,
): LogLine[] {
  return results.map(({ name, result }) => ({
    epoch,
    step,
    set: name,
    accuracy: result.accuracy,
    accuracy_std: result.accuracyStd,
    val: result.val,
    far: result.far,
    auc: result.auc,
    eer: result.eer,
  }));
}

/** A validation for the reader: "lfw 99.10 %  agedb_30 95.20 %  mean 97.15 %". */
export function accuracies(results: readonly NamedPairResult[]): string {
  const words = results.map(({ name, result }) => `${name} ${percent(result.accuracy)}`);
  if (results.length > 1) words.push(`mean ${percent(meanAccuracy(results))}`);
  return words.join("  ");
}

/** What result.json says of a run that is finished. */
export function resultJson(facts: RunFacts, state: RunState, model: string): Record<string, unknown> {
  const { set, adapter, options } = facts;
  return {
    finished: true,
    epochs: state.epoch,
    steps: state.step,
    train_accuracy: state.trainAccuracy,
    validation: validationLines(state.validation, state),
    untrained: validationLines(state.untrained, { epoch: 0, step: 0 }),
    best: state.best,
    model,
    dataset: {
      name: set.name,
      images: set.size,
      classes: set.classes,
      corrupt: state.corruptCount,
      corrupt_images: state.corrupt.slice(0, 100),
    },
    adapter: adapter.name,
    versions: { centerbias: VERSION, deno: Deno.version.deno, tfjs: tfjsVersion },
    seed: options.seed,
    seconds: state.seconds,
    ended: new Date().toISOString(),
  };
}

/** A share of 1 in percent. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
