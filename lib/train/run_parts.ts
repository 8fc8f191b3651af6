import { Loader } from "../data/loader.ts";
import type { TrainingSet } from "../data/training_set.ts";
import type { Validation } from "../eval/validation.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { createHead } from "../head/create_head.ts";
import { createBackbone } from "../nn/backbone.ts";
import { type CheckpointParts, restoreCheckpoint, type RunIdentity } from "./checkpoint.ts";
import { newestCheckpoint } from "./checkpoint_folder.ts";
import type { TrainOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { RunLock } from "./run_lock.ts";
import { RunLog } from "./run_log.ts";
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
  readonly log: RunLog;
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
export function makeRunParts({ gpu, set, options, progress }: RunSetup): RunParts {
  const { resume, seed, batchSize, headType } = options;
  using resources = new DisposableStack();
  if (resume !== undefined) resources.use(RunLock.acquire(resume));
  const checkpoint = resume === undefined ? undefined : newestCheckpoint(resume, (text) => progress.line(text));
  const loader = resources.use(
    new Loader(set, {
      batchSize,
      imageSize: options.imageSize,
      seed,
      flip: options.flip,
      workers: options.numWorkers,
      codec: options.codec,
    }),
  );
  const backbone = resources.adopt(createBackbone(gpu, options.model, options), (one) => one.dispose());
  const head = resources.adopt(
    createHead(gpu, headType, { ...options, classes: set.classes, seed: seed + 1 }),
    (one) => one.dispose(),
  );
  const step = resources.adopt(new TrainingStep(gpu, backbone, head, options), (one) => one.dispose());
  const parts = { backbone, head, sgd: step.sgd };
  const identity = { seed, batchSize, samples: set.size, classes: set.classes, headType };
  if (checkpoint !== undefined) restoreCheckpoint(checkpoint, parts, identity);
  const state = checkpoint?.state ?? freshState();
  if (state.lossScale) step.lossScale?.load(state.lossScale);
  // tfjs computes small tensors on the processor until they are on the GPU; in a resumed run they are there from the start.
  for (const { parts } of [...backbone.parameters.list(), ...head.parameters.list()]) {
    for (const part of parts) gpu.kernels.buffer(part);
  }

  const finished = isFinished(state, options);
  const log = resources.use(
    resume === undefined ? RunLog.create(options) : RunLog.resume(options, { ...state, finished }),
  );
  if (resume === undefined) resources.use(RunLock.acquire(log.folder));
  const facts = { folder: log.folder, options, set, backbone, adapter: gpu.adapter };
  for (const line of openingLines(facts, standing(options, state, checkpoint !== undefined))) progress.line(line);
  if (checkpoint !== undefined && checkpoint.adapter !== gpu.adapter.name) {
    progress.line(`warning   the run began on ${checkpoint.adapter}: from here on its last digits may differ`);
  }
  const owned = resources.move();
  return { ...parts, identity, facts, loader, step, log, state, [Symbol.dispose]: () => owned.dispose() };
}

/** Where a run stands, in words that follow the name of its folder. */
function standing(options: TrainOptions, state: RunState, hasCheckpoint: boolean): string {
  if (options.resume === undefined) return "";
  if (!hasCheckpoint) return " has no checkpoint yet: it begins again";
  if (!isFinished(state, options)) return ` goes on after step ${state.step}`;
  const more = options.maxSteps === undefined ? "--end-epoch" : "--end-epoch or --max-steps";
  return ` is finished after ${state.epoch} epochs, ${state.step} steps; a larger ${more} would go on`;
}
