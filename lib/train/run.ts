import type { Batch } from "../data/loader.ts";
import { InputError } from "../errors.ts";
import type { NamedPairResult } from "../eval/pair_table.ts";
import { meanAccuracy } from "../eval/validation.ts";
import { writeModel } from "../model/model_file.ts";
import { batchParts } from "./batch_parts.ts";
import { AFTER_DIVERGENCE, requireFinite, writeCheckpoint } from "./checkpoint.ts";
import { checkpointNames, checkpointPath, pruneCheckpoints } from "./checkpoint_folder.ts";
import { makeRunParts, type RunParts, type RunSetup } from "./run_parts.ts";
import { accuracies, epochLine, epochNumber, epochText, resultJson, stepLine, validationLines } from "./run_report.ts";
import { freshState, isEnded, isFinished, isValidationDue, type RunState } from "./run_state.ts";
import { learningRate } from "./schedule.ts";
import { type StepReading, StepReadings } from "./step_readings.ts";
import { tuneRun } from "./tuning.ts";

/** One run, from its first or resumed step to its last. */
export class Run implements Disposable {
  readonly #setup: RunSetup;
  readonly #parts: RunParts;
  readonly #readings: StepReadings;
  readonly #secondsBefore: number;
  readonly #state: RunState;

  /**
   * Makes the parts of a run and its folder, or takes up the newest checkpoint of the one that is resumed.
   *
   * @throws {InputError} if the set is not fit for training, the folder cannot be written to or is in use, or its
   * checkpoints are of another run.
   */
  constructor(setup: RunSetup) {
    this.#setup = setup;
    this.#parts = makeRunParts(setup);
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
      await tuneRun({ ...this.#setup, backbone: this.#parts.backbone, folder: this.folder }, signal);
      finished = await this.#toTheEnd(signal);
    } catch (error) {
      if (!signal?.aborted || error !== signal.reason) throw error;
    } finally {
      progress.stop();
    }
    // At the end once more, with what the last validation found.
    await this.#save();
    if (finished) this.#writeResult();
    return finished;
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
        if (signal?.aborted) return false;
        const { value: batch, done } = await batches.next();
        if (done) break;
        this.#takeStep(batch);
        if (this.#readings.due) await this.#read();
        const isLast = state.step >= maxSteps && state.position < this.#parts.loader.sampler.count;
        if (isLast || state.step % ckptSaveSteps === 0) await this.#save();
        if (isLast) return true;
      }
    } finally {
      await batches.return?.(undefined);
    }
    await this.#read();
    this.#closeEpoch();
    // Before the validation: whatever happens in it, the epoch is not lost.
    if (isEnded(state, options) || state.epoch % ckptSaveFreq === 0) await this.#save();
    return true;
  }

  #takeStep(batch: Batch): void {
    const { gpu, options } = this.#setup;
    const state = this.#state;
    const rate = learningRate(options, {
      epoch: state.epoch,
      step: state.epochStep,
      stepsPerEpoch: this.#parts.loader.batches,
    });
    this.#parts.step.run(batchParts(gpu, batch, options.imageSize, options.accumulate), rate);
    state.step++;
    state.epochStep++;
    state.position = batch.position;
    this.#readings.add({ step: state.step, rate, batch: batch.samples });
  }

  /** Waits for the GPU and takes in the scalars of all steps since the last time. */
  async #read(): Promise<void> {
    const { progress, options, onStep } = this.#setup;
    const { readings, seconds } = await this.#readings.read();
    const last = readings.at(-1);
    if (last === undefined) return;
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
    progress.update({ ...last, epoch, lr: last.rate, imagesPerSecond: images / seconds });
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

  #closeEpoch(): void {
    const state = this.#state;
    const { options, progress } = this.#setup;
    state.epoch++;
    state.trainAccuracy = state.sums.right / state.sums.samples;
    this.#takeStock();
    this.#parts.log.epoch(epochLine(state));
    progress.line(epochText(state, options.endEpoch));
    state.epochStep = 0;
    state.position = 0;
    state.sums = freshState().sums;
  }

  /** Brings what is counted elsewhere into the state. */
  #takeStock(): void {
    const state = this.#state;
    state.seconds = this.#secondsBefore + (performance.now() - this.#setup.began) / 1000;
    const known = new Map([...state.corrupt, ...this.#parts.loader.corrupt].map((image) => [image.name, image]));
    state.corrupt = [...known.values()].slice(0, 1000);
    state.corruptCount = Math.max(state.corruptCount, known.size, this.#parts.loader.corruptCount);
  }

  async #validateUntrained(signal?: AbortSignal): Promise<void> {
    const { options, validation, progress } = this.#setup;
    const state = this.#state;
    if (!options.valFirst || state.step > 0 || state.validated !== undefined || validation.sets.length === 0) return;
    state.untrained = await this.#figures(signal);
    state.validated = 0;
    this.#parts.log.validation(validationLines(state.untrained, state));
    progress.line(`untrained network  ${accuracies(state.untrained)}`);
  }

  /** Validates the model of now and keeps it where it is the best. */
  async #validate(signal?: AbortSignal): Promise<void> {
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
      progress.line(
        `${state.epochStep > 0 ? `step ${state.step}` : epochNumber(state.epoch, options.endEpoch)}  verification  ${
          accuracies(state.validation)
        }` +
          (isBest ? "  (best so far)" : ""),
      );
    }
    if (isBest) {
      writeModel(this.#modelPath, backbone, weights, {
        epoch: String(state.epoch),
        step: String(state.step),
        run: this.folder,
      });
    }
    state.validated = state.step;
  }

  async #figures(signal?: AbortSignal): Promise<NamedPairResult[]> {
    // The memory that steps keep is the validation's meanwhile.
    this.#parts.step.release();
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
    this.#takeStock();
    this.#state.lossScale = await this.#parts.step.lossScale?.read();
    this.#parts.log.sync();
    const { gpu, options } = this.#setup;
    const path = checkpointPath(this.folder, this.#state.step);
    await writeCheckpoint(path, this.#parts, this.#state, this.#parts.identity, gpu.adapter.name);
    pruneCheckpoints(this.folder, options.keep);
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
