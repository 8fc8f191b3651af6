import { Loader } from "../data/loader.ts";
import type { TrainingSet } from "../data/training_set.ts";
import type { Validation } from "../eval/validation.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { classShare } from "../head/class_share.ts";
import { createHead } from "../head/create_head.ts";
import { createBackbone } from "../nn/backbone.ts";
import {
  type Checkpoint,
  type CheckpointParts,
  readCheckpoint,
  restoreCheckpoint,
  type RunIdentity,
} from "./checkpoint.ts";
import { newestCheckpoint } from "./checkpoint_folder.ts";
import type { TrainOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { RunLock } from "./run_lock.ts";
import { noRecords, RunLog, type RunRecords } from "./run_log.ts";
import type { RunRanks } from "./run_ranks.ts";
import { openingLines, type RunFacts } from "./run_report.ts";
import { freshState, isFinished, type RunState } from "./run_state.ts";
import type { StepReading } from "./step_readings.ts";
import { TrainingStep } from "./training_step.ts";

/** What a run needs that is there before it. */
export interface RunSetup {
  /** The device. */
  readonly gpu: Gpu;
  /** What to train on. */
  readonly set: TrainingSet;
  /** What to validate on; it may have no sets. */
  readonly validation: Validation;
  /** All options. */
  readonly options: TrainOptions;
  /** Where it is shown. */
  readonly progress: Progress;
  /** When the command began, by performance.now(). */
  readonly began: number;
  /** Told of each step once its scalars are read. */
  readonly onStep?: (reading: StepReading) => void;
  /** The workers of the run, of which this is one. */
  readonly ranks: RunRanks;
}

/** What a run consists of; disposed of together. */
export interface RunParts extends CheckpointParts, Disposable {
  /** What a checkpoint must agree with. */
  readonly identity: RunIdentity;
  /** What there is to say of it. */
  readonly facts: RunFacts;
  /** Its batches. */
  readonly loader: Loader;
  /** Takes its steps. */
  readonly step: TrainingStep;
  /** Its folder. */
  readonly log: RunRecords;
  /** Where it stands: changed as the run goes on. */
  readonly state: RunState;
}

/**
 * Makes the parts of a new run and its folder; or those of the run that is resumed, as its newest checkpoint has them. Either
 * way the folder is locked against other processes.
 *
 * @throws {InputError} if the set is not fit for training, the folder cannot be written to or is in use, or its
 * checkpoints are damaged or of another run.
 */
export async function makeRunParts({ gpu, set, options, progress, ranks }: RunSetup): Promise<RunParts> {
  const { resume, seed, batchSize, headType } = options;
  const { group, together, isFirst } = ranks;
  using resources = new DisposableStack();
  const checkpoint = await resumedCheckpoint(ranks, options, (resource) => resources.use(resource), progress);
  const loader = resources.use(
    new Loader(set, {
      batchSize,
      imageSize: options.imageSize,
      seed,
      flip: options.flip,
      workers: options.numWorkers,
      codec: options.codec,
      rank: group.rank,
      ranks: group.size,
    }),
  );
  const shared = { together: options.syncBn ? together : undefined };
  const backbone = resources.adopt(createBackbone(gpu, options.model, options, shared), (one) => one.dispose());
  const { classes } = set;
  const split = options.splitHead && together ? classShare(classes, group.rank, group.size) : undefined;
  const head = resources.adopt(
    createHead(gpu, headType, { ...options, classes, seed: seed + 1, together, split }),
    (one) => one.dispose(),
  );
  const step = resources.adopt(new TrainingStep(gpu, backbone, head, { ...options, together }), (one) => one.dispose());
  const parts = { backbone, head, sgd: step.sgd };
  const identity = { seed, batchSize, samples: set.size, classes, headType };
  if (checkpoint !== undefined) restoreCheckpoint(checkpoint, parts, identity);
  const state = checkpoint?.state ?? freshState();
  if (state.lossScale) step.lossScale?.load(state.lossScale);
  // tfjs computes small tensors on the processor until they are on the GPU; in a resumed run they are there from the start.
  for (const { parts } of [...backbone.parameters.list(), ...head.parameters.list()]) {
    for (const part of parts) gpu.kernels.buffer(part);
  }

  const finished = isFinished(state, options);
  const opened = isFirst
    ? resources.use(resume === undefined ? RunLog.create(options) : RunLog.resume(options, { ...state, finished }))
    : undefined;
  if (opened && resume === undefined) resources.use(RunLock.acquire(opened.folder));
  const folder = await ranks.tell(opened?.folder);
  const log = opened ?? noRecords(folder);
  const facts = { folder, options, set, backbone, adapter: gpu.adapter };
  const workers = await ranks.hear(gpu.adapter.name);
  for (const line of openingLines(facts, standing(options, state, checkpoint !== undefined), workers)) {
    progress.line(line);
  }
  if (checkpoint !== undefined && checkpoint.adapter !== gpu.adapter.name) {
    progress.line(`warning   the run began on ${checkpoint.adapter}: from here on its last digits may differ`);
  }
  const owned = resources.move();
  return { ...parts, identity, facts, loader, step, log, state, [Symbol.dispose]: () => owned.dispose() };
}

/** The checkpoint that the run goes on from: the first rank locks the folder and chooses, the others read the same file. */
async function resumedCheckpoint(
  ranks: RunRanks,
  { resume }: TrainOptions,
  use: (lock: Disposable) => void,
  progress: Progress,
): Promise<Checkpoint | undefined> {
  if (resume === undefined) return undefined;
  let checkpoint: Checkpoint | undefined;
  if (ranks.isFirst) {
    use(RunLock.acquire(resume));
    checkpoint = newestCheckpoint(resume, (text) => progress.line(text));
  }
  const path = await ranks.tell(checkpoint?.path ?? "");
  return ranks.isFirst || path === "" ? checkpoint : readCheckpoint(path);
}

/** Where a run stands, in words that follow the name of its folder. */
function standing(options: TrainOptions, state: RunState, hasCheckpoint: boolean): string {
  if (options.resume === undefined) return "";
  if (!hasCheckpoint) return " has no checkpoint yet: it begins again";
  if (!isFinished(state, options)) return ` goes on after step ${state.step}`;
  const more = options.maxSteps === undefined ? "--end-epoch" : "--end-epoch or --max-steps";
  return ` is finished after ${state.epoch} epochs, ${state.step} steps; a larger ${more} would go on`;
}
