import { openTrainingSet } from "../data/open_training_set.ts";
import type { NamedPairResult } from "../eval/pair_table.ts";
import { Validation } from "../eval/validation.ts";
import { startWebGPU } from "../gpu/start_webgpu.ts";
import { demoSets } from "./demo_sets.ts";
import { checkMemory, refusal } from "./memory_check.ts";
import type { TrainOptions } from "./options.ts";
import { Progress, type ProgressWriter } from "./progress.ts";
import { resolveTrainOptions } from "./resolve_options.ts";
import { Run } from "./run.ts";
import type { BestModel } from "./run_state.ts";
import type { StepReading } from "./step_readings.ts";

/** What a caller of {@linkcode train} can hook up. */
export interface TrainHooks {
  /** Where progress is shown. @default nowhere */
  readonly writer?: ProgressWriter;
  /** Stops the run after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Told of each step, in order, when its scalars were read: every `logEvery` steps or more often. */
  readonly onStep?: (reading: StepReading) => void;
}

/** How a run ended. */
export interface TrainResult {
  /** The run's folder. */
  readonly folder: string;
  /** False if the run was stopped before its end; it can be resumed. */
  readonly finished: boolean;
  /** Epochs finished. */
  readonly epochs: number;
  /** Steps finished. */
  readonly steps: number;
  /** Share of the last epoch's samples whose nearest class weight was their own; undefined if no epoch was finished. */
  readonly trainAccuracy: number | undefined;
  /** Last validation, a row per set. */
  readonly validation: readonly NamedPairResult[];
  /** Validation of the untrained network, where it was asked for. */
  readonly untrained: readonly NamedPairResult[];
  /** Best validation; undefined without one. */
  readonly best: BestModel | undefined;
  /** The best model's file, where there was a validation, else the last one's; undefined before there is one. */
  readonly model: string | undefined;
  /** Seconds from the start of the command to its end, over all resumed parts. */
  readonly seconds: number;
}

/**
 * Trains a model: from a training set, or synthetic faces where `data` is not given, to a run's folder with checkpoints,
 * logs and the best model. With `resume`, options that are not given are those of the run.
 *
 * @throws {InputError} (as a rejection) for whatever the user can mend: options, files, a machine without adapter, a loss
 * that is not finite any more.
 *
 * @example
 * ```ts ignore
 * import { train } from "./trainer.ts";
 *
 * const { model } = await train({ data: "faces_emore", val: ["faces_emore/lfw.bin"], batchSize: 128 });
 * console.log(model);
 * ```
 */
export async function train(given: Partial<TrainOptions> = {}, hooks: TrainHooks = {}): Promise<TrainResult> {
  const began = performance.now();
  const { writer = { write: () => {}, isTerminal: false }, signal, onStep } = hooks;
  const options = resolveTrainOptions({ flags: given });
  using progress = new Progress(writer);
  const gpu = await startWebGPU();
  signal?.throwIfAborted();
  const demo = options.data === undefined ? await demoSets(options, progress, signal) : undefined;
  using set = openTrainingSet(options.data ?? demo!.data, { sample: options.sample });
  const memory = checkMemory(gpu, options, set.classes);
  if (!memory.fits) throw refusal(memory, options, gpu.adapter);
  using validation = new Validation(gpu, options.val.length > 0 ? options.val : demo?.val ?? [], {
    workers: options.numWorkers,
    // As many as are computed at once in training: the same shapes, so no kernels to compile besides.
    batchSize: Math.ceil(options.batchSize / options.accumulate),
  });
  for (const reason of validation.leftOut) progress.line(`warning   ${reason}; left out`);
  signal?.throwIfAborted();
  using run = new Run({ gpu, set, validation, options, progress, began, onStep });
  const finished = await run.train(signal);
  const { epoch, step, trainAccuracy, validation: figures, untrained, best, seconds } = run.state;
  return {
    folder: run.folder,
    finished,
    epochs: epoch,
    steps: step,
    trainAccuracy,
    validation: figures,
    untrained,
    best,
    model: run.model,
    seconds,
  };
}
