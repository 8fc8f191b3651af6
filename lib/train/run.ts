import type { Batch } from "../data/loader.ts";
import { InputError } from "../errors.ts";
import type { NamedPairResult } from "../eval/pair_table.ts";
import { meanAccuracy } from "../eval/validation.ts";
import { writeModel } from "../model/model_file.ts";
import { batchParts, blankBatch, sharedBatchParts } from "./batch_parts.ts";
import { AFTER_DIVERGENCE, checkpointTensors, requireFinite, writeCheckpoint } from "./checkpoint.ts";
import { checkpointNames, checkpointPath, pruneCheckpoints } from "./checkpoint_folder.ts";
import { makeRunParts, type RunParts, type RunSetup } from "./run_parts.ts";
import {
  accuracies,
  epochLine,
  epochNumber,
  epochText,
  ratesText,
  resultJson,
  stepLine,
  validationLines,
} from "./run_report.ts";
import { freshState, isEnded, isFinished, isValidationDue, type RunState } from "./run_state.ts";
import { learningRate } from "./schedule.ts";
import { type StepReading, StepReadings } from "./step_readings.ts";
import { RankStopped, type RunRanks, type StepPlan } from "./run_ranks.ts";
import { takeUpTuning, tuneRun } from "./tuning.ts";

/** One run, from its first or resumed step to its last. */
export class Run implements Disposable {
  readonly #setup: RunSetup;
  readonly #parts: RunParts;
  readonly #readings: StepReadings;
  readonly #ranks: RunRanks;
  readonly #secondsBefore: number;
  readonly #state: RunState;
  /** What a worker computes whose part of an epoch is used up. */
  #spare: Batch | undefined;

  /**
   * Makes the parts of a run and its folder, or takes up the newest checkpoint of the one that is resumed.
   *
   * @throws {InputError} if the set is not fit for training, the folder cannot be written to or is in use, or its
   * checkpoints are of another run.
   */
  static async open(setup: RunSetup): Promise<Run> {
    return new Run(setup, await makeRunParts(setup));
  }

  private constructor(setup: RunSetup, parts: RunParts) {
    this.#setup = setup;
    this.#parts = parts;
    this.#ranks = setup.ranks;
    this.#state = this.#parts.state;
    this.#secondsBefore = this.#state.seconds;
    this.#readings = new StepReadings(this.#parts.step, setup.options.logEvery);
  }

  /** The run's folder. */
  get folder(): string {
    return this.#parts.facts.folder;
  }

  /** Where it stands. */
  get state(): Readonly<RunState> {
    return this.#state;
  }

  /** The best model by the mean accuracy of the validations, without sets the newest; undefined before there is one. */
  get model(): string | undefined {
    return (this.#state.validated ?? 0) > 0 ? this.#modelPath : undefined;
  }

  /** Trains to the end, and says true, or until `signal` is aborted: then a checkpoint of the last step is there. */
  async train(signal?: AbortSignal): Promise<boolean> {
    const { progress, options } = this.#setup;
    if (isFinished(this.#state, options)) {
      this.#writeResult();
      return true;
    }
    let finished = false;
    try {
      progress.start(1);
      await this.#tune(signal);
      finished = await this.#toTheEnd(signal);
    } catch (error) {
      if (!(error instanceof RankStopped) && (!signal?.aborted || error !== signal.reason)) throw error;
    } finally {
      progress.stop();
    }
    // At the end once more, with what the last validation found.
    await this.#save();
    if (finished) this.#writeResult();
    return finished;
  }

  /** The first worker decides; the others take up what it found, where they have the same adapter. */
  async #tune(signal?: AbortSignal): Promise<void> {
    const { options } = this.#setup;
    const share = { ...options, batchSize: Math.ceil(options.batchSize / this.#ranks.size) };
    const setup = { ...this.#setup, options: share, backbone: this.#parts.backbone, folder: this.folder };
    await this.#ranks.alone(() => tuneRun(setup, signal), signal);
    const [first] = await this.#ranks.hear(setup.gpu.adapter.name);
    if (!this.#ranks.isFirst && first === setup.gpu.adapter.name) takeUpTuning(setup);
  }

  async #toTheEnd(signal?: AbortSignal): Promise<boolean> {
    const { progress, options } = this.#setup;
    const steps = Math.min(options.endEpoch * this.#parts.loader.batches, options.maxSteps ?? Infinity);
    progress.start(steps, this.#state.step);
    await this.#validateUntrained(signal);
    progress.start(steps, this.#state.step);
    for (;;) {
      // Also where a run goes on that was stopped between an epoch's last step and its validation.
      if (isValidationDue(this.#state, options)) await this.#validate(signal);
      if (isEnded(this.#state, options)) return true;
      this.#readings.skipTime();
      if (!await this.#trainEpoch(signal)) return false;
    }
  }

  /** Trains to the end of the epoch or the last step asked for, and says true, or until it is stopped. */
  async #trainEpoch(signal?: AbortSignal): Promise<boolean> {
    const { options } = this.#setup;
    const { ckptSaveFreq, ckptSaveSteps = Infinity, maxSteps = Infinity } = options;
    const state = this.#state;
    const batches = this.#parts.loader.epoch(state.epoch, state.position);
    try {
      for (;;) {
        if (this.#ranks.size === 1 && signal?.aborted) return false;
        const { value, done } = await batches.next();
        const batch = done ? undefined : value;
        const plan = await this.#ranks.agree({
          images: batch?.size ?? 0,
          position: batch?.position ?? 0,
          stops: signal?.aborted ?? false,
          reads: this.#readings.dueAfter(1),
        }, state.step);
        if (plan.stops) return false;
        if (plan.shares.every((share) => share === 0)) break;
        await this.#takeStep(batch, plan);
        if (plan.reads) await this.#read();
        const isLast = state.step >= maxSteps && state.position < this.#parts.loader.sampler.size;
        if (isLast || state.step % ckptSaveSteps === 0) await this.#save();
        if (isLast) return true;
      }
    } finally {
      await batches.return?.(undefined);
    }
    await this.#read();
    await this.#closeEpoch();
    // Before the validation: whatever happens in it, the epoch is not lost.
    if (isEnded(state, options) || state.epoch % ckptSaveFreq === 0) await this.#save();
    return true;
  }

  async #takeStep(batch: Batch | undefined, plan: StepPlan): Promise<void> {
    const { gpu, options } = this.#setup;
    const { step, loader } = this.#parts;
    const state = this.#state;
    const rate = learningRate(options, {
      epoch: state.epoch,
      step: state.epochStep,
      stepsPerEpoch: loader.batches,
    });
    if (batch) this.#spare = batch;
    const computed = batch ?? this.#spare ?? blankBatch(options.imageSize, 1);
    const { rank } = this.#ranks.group;
    const { shares } = plan;
    const { imageSize, accumulate } = options;
    const { drawClasses } = this.#parts.head;
    if (drawClasses) drawClasses(await this.#ranks.labels(batch?.labels ?? new Int32Array()), state.step);
    if (this.#ranks.size === 1) await step.run(batchParts(gpu, computed, imageSize, accumulate), rate);
    else if (shares[rank] === 0 && !this.#ranks.together!.isActive) step.skip();
    else await step.run(sharedBatchParts(gpu, computed, imageSize, accumulate, { rank, shares }), rate);
    state.step++;
    state.epochStep++;
    state.position = plan.position;
    await this.#ranks.afterStep(step, shares, state.step);
    this.#readings.add({ step: state.step, rate, batch: batch?.samples ?? new Uint32Array() });
  }

  /** Waits for the GPU and takes in the scalars of all steps since the last time. */
  async #read(): Promise<void> {
    const { progress, options, onStep } = this.#setup;
    const { readings: own, seconds } = await this.#readings.read();
    if (own.length === 0) return;
    const readings = await this.#ranks.combine(own);
    const rates = await this.#ranks.rates(own.reduce((sum, one) => sum + one.samples, 0), seconds);
    const last = readings[readings.length - 1];
    const epoch = this.#state.epoch + 1;
    const diverged = readings.find(({ loss }) => !Number.isFinite(loss));
    this.#parts.log.step(
      readings.filter((one) =>
        (one.step % options.logEvery === 0 && one.step <= (diverged ?? one).step) || one === diverged
      )
        .map((one) => stepLine(epoch, one)),
    );
    if (diverged !== undefined) throw this.#divergence(diverged);
    const { sums } = this.#state;
    for (const { loss, right, samples } of readings) {
      sums.loss += loss * samples;
      sums.right += right;
      sums.samples += samples;
    }
    const images = readings.reduce((sum, one) => sum + one.samples, 0);
    progress.update({
      ...last,
      epoch,
      lr: last.rate,
      imagesPerSecond: images / seconds,
      ...rates && { workers: ratesText(rates) },
    });
    readings.forEach((one) => onStep?.(one));
  }

  #divergence({ loss, step, rate, batch }: StepReading): InputError {
    const names = [...batch].map((sample) => this.#setup.set.sampleName(sample));
    const shown = names.length > 20
      ? `${names.slice(0, 20).join(", ")} and ${names.length - 20} more`
      : names.join(", ");
    const advice = checkpointNames(this.folder).length > 0
      ? AFTER_DIVERGENCE
      : "there is no checkpoint yet: begin again with a smaller --lr, or with --clip-grad-norm 5";
    return new InputError(
      `Cannot go on training ${this.folder}: expected a finite loss, found ${loss} at step ${step} with learning rate ` +
        `${Number(rate.toPrecision(6))}; the batch is ${shown}; ${advice}`,
    );
  }

  async #closeEpoch(): Promise<void> {
    const state = this.#state;
    const { options, progress } = this.#setup;
    state.epoch++;
    state.trainAccuracy = state.sums.right / state.sums.samples;
    await this.#takeStock();
    this.#parts.log.epoch(epochLine(state));
    progress.line(epochText(state, options.endEpoch));
    state.epochStep = 0;
    state.position = 0;
    state.sums = freshState().sums;
  }

  /** Brings what is counted elsewhere into the state. */
  async #takeStock(): Promise<void> {
    const state = this.#state;
    state.seconds = this.#secondsBefore + (performance.now() - this.#setup.began) / 1000;
    const { corrupt, corruptCount } = this.#parts.loader;
    const ofRanks = await this.#ranks.hear({ corrupt, corruptCount });
    const known = new Map(
      [...state.corrupt, ...ofRanks.flatMap(({ corrupt }) => corrupt)].map((image) => [image.name, image]),
    );
    state.corrupt = [...known.values()].slice(0, 1000);
    const counted = ofRanks.reduce((sum, { corruptCount }) => sum + corruptCount, 0);
    state.corruptCount = Math.max(state.corruptCount, known.size, counted);
  }

  async #validateUntrained(signal?: AbortSignal): Promise<void> {
    const { options, validation, progress } = this.#setup;
    const state = this.#state;
    if (!options.valFirst || state.step > 0 || state.validated !== undefined) return;
    // Only the first worker has verification sets.
    if (!await this.#ranks.tell(validation.sets.length > 0)) return;
    this.#parts.step.release();
    await this.#ranks.alone(async () => {
      state.untrained = await this.#figures(signal);
      this.#parts.log.validation(validationLines(state.untrained, state));
      progress.line(`untrained network  ${accuracies(state.untrained)}`);
    }, signal);
    state.validated = 0;
  }

  /** Validates the model of now and keeps it where it is the best. */
  async #validate(signal?: AbortSignal): Promise<void> {
    // The memory that steps keep is the validation's meanwhile.
    this.#parts.step.release();
    await this.#ranks.align(this.#parts.step);
    await this.#ranks.alone(() => this.#judge(signal), signal);
    this.#state.validated = this.#state.step;
  }

  async #judge(signal?: AbortSignal): Promise<void> {
    const { validation, options, progress } = this.#setup;
    const { backbone } = this.#parts;
    const state = this.#state;
    const weights = await backbone.parameters.state();
    requireFinite(weights, this.#modelPath, state.step);
    let isBest = true;
    if (validation.sets.length > 0) {
      state.validation = await this.#figures(signal);
      this.#parts.log.validation(validationLines(state.validation, state));
      const accuracy = meanAccuracy(state.validation);
      isBest = accuracy > (state.best?.accuracy ?? -1);
      if (isBest) state.best = { accuracy, epoch: state.epoch, step: state.step };
      const place = state.epochStep > 0 ? `step ${state.step}` : epochNumber(state.epoch, options.endEpoch);
      progress.line(`${place}  verification  ${accuracies(state.validation)}${isBest ? "  (best so far)" : ""}`);
    }
    if (!isBest) return;
    writeModel(this.#modelPath, backbone, weights, {
      epoch: String(state.epoch),
      step: String(state.step),
      run: this.folder,
    });
  }

  async #figures(signal?: AbortSignal): Promise<NamedPairResult[]> {
    const { validation, progress } = this.#setup;
    const results = await validation.run(this.#parts.backbone, {
      signal,
      progress: (done, total, set) =>
        progress.update({ doing: `verifying ${set} ${Math.floor(100 * done / total)} %` }),
    });
    progress.update({ doing: "" });
    // Folds and curves are not for keeping.
    return results.map(({ name, result: { folds: _folds, curve: _curve, ...result } }) => ({ name, result }));
  }

  get #modelPath(): string {
    return `${this.folder}/best_${this.#setup.options.model}.safetensors`;
  }

  /** Writes a checkpoint of now; the scalars so far are looked at first, so that no loss that is not finite gets into one. */
  async #save(): Promise<void> {
    await this.#read();
    await this.#takeStock();
    this.#state.lossScale = await this.#parts.step.lossScale?.read();
    this.#parts.log.sync();
    const { gpu, options } = this.#setup;
    const { step, backbone, identity } = this.#parts;
    await this.#ranks.align(step);
    const tensors = await checkpointTensors(this.#parts, this.#ranks.group);
    await this.#ranks.alone(() => {
      const path = checkpointPath(this.folder, this.#state.step);
      writeCheckpoint(path, tensors, backbone, this.#state, identity, gpu.adapter.name);
      pruneCheckpoints(this.folder, options.keep);
    });
    this.#readings.skipTime();
  }

  #writeResult(): void {
    this.#parts.log.result(resultJson(this.#parts.facts, this.#state, this.#modelPath));
  }

  /** Ends the workers, closes the logs, frees the GPU's memory and lets others into the folder. */
  [Symbol.dispose](): void {
    this.#parts[Symbol.dispose]();
  }
}
