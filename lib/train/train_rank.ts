import { openTrainingSet } from "../data/open_training_set.ts";
import type { Group } from "../dist/group.ts";
import type { NamedPairResult } from "../eval/pair_table.ts";
import { Validation } from "../eval/validation.ts";
import { startWebGPU } from "../gpu/start_webgpu.ts";
import { demoSets } from "./demo_sets.ts";
import { checkMemory, refusal } from "./memory_check.ts";
import type { TrainOptions } from "./options.ts";
import { Progress, type ProgressWriter } from "./progress.ts";
import { Run } from "./run.ts";
import { RunRanks } from "./run_ranks.ts";
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

/** How one of the workers of a run is told what to do. */
export interface RankHooks extends TrainHooks {
  /** When the command began, by performance.now(). */
  readonly began: number;
  /** The workers, of which this is one. @default this one alone */
  readonly group?: Group;
  /** Told the run's folder. */
  readonly onFolder?: (folder: string) => void;
}

/** Trains on this thread's adapter, as one of the workers of a run, or alone. All workers give the first one's result. */
export async function trainRank(options: TrainOptions, hooks: RankHooks): Promise<TrainResult> {
  const { writer = { write: () => {}, isTerminal: false }, signal, onStep, began, group, onFolder } = hooks;
  using progress = new Progress(writer);
  const gpu = await startWebGPU();
  if (group) void gpu.lost.then((reason) => group.fail(`device lost: ${reason}`));
  using resources = new DisposableStack();
  const ranks = resources.adopt(new RunRanks(gpu, options, group), (one) => one.dispose());
  if (ranks.size === 1) signal?.throwIfAborted();
  const demo = options.data === undefined
    ? await ranks.tell(await ranks.alone(() => demoSets(options, progress, signal), signal))
    : undefined;
  using set = openTrainingSet(options.data ?? demo!.data, { sample: options.sample });
  const share = { ...options, batchSize: Math.ceil(options.batchSize / ranks.size) };
  const classes = options.splitHead ? Math.ceil(set.classes / ranks.size) : set.classes;
  const memory = checkMemory(gpu, share, classes);
  if (!memory.fits) throw refusal(memory, share, gpu.adapter);
  // Of the workers the first validates.
  const val = options.val.length > 0 ? options.val : demo?.val ?? [];
  using validation = new Validation(gpu, ranks.isFirst ? val : [], {
    workers: options.numWorkers,
    // As many as are computed at once in training: the same shapes, so no kernels to compile besides.
    batchSize: Math.ceil(share.batchSize / options.accumulate),
  });
  for (const reason of validation.leftOut) progress.line(`warning   ${reason}; left out`);
  if (ranks.size === 1) signal?.throwIfAborted();
  using run = await Run.open({ gpu, set, validation, options, progress, began, onStep, ranks });
  onFolder?.(run.folder);
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
