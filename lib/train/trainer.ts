import { type Batch, Loader } from "../data/loader.ts";
import { openTrainingSet } from "../data/open_training_set.ts";
import type { TrainingSet } from "../data/training_set.ts";
import * as tf from "../deps/tfjs.ts";
import { InputError } from "../errors.ts";
import { unpackImages } from "../gpu/ops/unpack_images.ts";
import { type Gpu, startWebGPU } from "../gpu/start_webgpu.ts";
import { createHead } from "../head/create_head.ts";
import type { Head } from "../head/head.ts";
import { writeModel } from "../model/model_file.ts";
import { type Backbone, createBackbone } from "../nn/backbone.ts";
import {
  newestCheckpoint,
  pruneCheckpoints,
  restoreCheckpoint,
  type RunIdentity,
  type RunState,
  writeCheckpoint,
} from "./checkpoint.ts";
import { demoSets } from "./demo_sets.ts";
import { parseTrainOptions, type TrainOptions } from "./options.ts";
import { Progress, type ProgressWriter } from "./progress.ts";
import { RunLog } from "./run_log.ts";
import { learningRate } from "./schedule.ts";
import { type StepMetrics, TrainingStep } from "./training_step.ts";
import { meanAccuracy, type SetResult, Validation } from "./validation.ts";
import { VERSION } from "./version.ts";

/** What a caller of {@linkcode train} can hook up. */
export interface TrainHooks {
  /** Where progress is shown. @default nowhere */
  readonly writer?: ProgressWriter;
  /** Stops the run after the step under way, with a checkpoint. */
  readonly signal?: AbortSignal;
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
  readonly validation: readonly SetResult[];
  /** Validation of the untrained network, where it was asked for. */
  readonly untrained: readonly SetResult[];
  /** The best model's file, where there was a validation, else the last one's. */
  readonly model: string | undefined;
  /** Seconds of training, over all resumed parts. */
  readonly seconds: number;
}

/** The GPU is waited for about this often, in seconds: then scalars are read, the bar moves and signals are seen. */
const SECONDS_BETWEEN_READS = 0.5;

/**
 * Trains a model: from a training set, or synthetic faces where `data` is not given, to a run's folder with checkpoints,
 * logs and the best model.
 *
 * @throws {InputError} (as a rejection) for whatever the user can mend: options, files, a machine without adapter, a loss
 * that is not finite any more.
 *
 * @example
 * ```ts no-eval
 * import { train } from "./trainer.ts";
 *
 * const { model } = await train({ data: "faces_emore", val: ["faces_emore/lfw.bin"], batchSize: 128 });
 * console.log(model);
 * ```
 */
export async function train(given: Partial<TrainOptions> = {}, hooks: TrainHooks = {}): Promise<TrainResult> {
  const options = parseTrainOptions(given);
  const progress = new Progress(hooks.writer ?? { write: () => {}, isTerminal: false });
  const gpu = await startWebGPU();
  const sets = options.data === undefined ? await demoSets(options, (text) => progress.line(text)) : undefined;
  using set = openTrainingSet(options.data ?? sets!.data);
  const val = options.val.length > 0 ? options.val : sets?.val ?? [];
  using validation = new Validation(gpu, val, { workers: options.numWorkers });
  using run = new Run(gpu, set, validation, options, progress);
  return await run.train(hooks.signal);
}

/** One run, from its first or resumed step to its last. */
class Run implements Disposable {
  readonly #gpu: Gpu;
  readonly #set: TrainingSet;
  readonly #validation: Validation;
  readonly #options: TrainOptions;
  readonly #progress: Progress;
  readonly #backbone: Backbone;
  readonly #head: Head;
  readonly #step: TrainingStep;
  readonly #loader: Loader;
  readonly #log: RunLog;
  readonly #identity: RunIdentity;
  #state: RunState;
  #rates: number[] = [];
  #samples: Uint32Array[] = [];
  #lastRead = performance.now();
  #readEvery = 1;
  #results: SetResult[] = [];
  #untrained: SetResult[] = [];
  #trainAccuracy: number | undefined;

  constructor(gpu: Gpu, set: TrainingSet, validation: Validation, options: TrainOptions, progress: Progress) {
    this.#gpu = gpu;
    this.#set = set;
    this.#validation = validation;
    this.#options = options;
    this.#progress = progress;
    const { seed, batchSize, headType } = options;
    this.#identity = { seed, batchSize, samples: set.size, classes: set.classes, headType };
    this.#state = {
      epoch: 0,
      validated: 0,
      step: 0,
      epochStep: 0,
      position: 0,
      sums: { loss: 0, right: 0, samples: 0 },
      best: undefined,
      seconds: 0,
    };
    const checkpoint = options.resume === undefined
      ? undefined
      : newestCheckpoint(options.resume, (text) => progress.line(text));
    this.#loader = new Loader(set, {
      batchSize,
      imageSize: options.imageSize,
      seed,
      flip: options.flip,
      workers: options.numWorkers,
      codec: options.codec,
    });
    try {
      this.#backbone = createBackbone(gpu, options.model, options);
      this.#head = createHead(gpu, headType, {
        classes: set.classes,
        embeddingSize: options.embeddingSize,
        scale: options.scale,
        margin: options.margin,
        mM: options.mM,
        centerMomentum: options.centerMomentum,
        constantT: options.constantT,
        repeatedLabel: options.repeatedLabel,
        seed: seed + 1,
      });
      this.#step = new TrainingStep(gpu, this.#backbone, this.#head, options);
      if (checkpoint) {
        restoreCheckpoint(checkpoint, this.#parts, this.#identity);
        this.#state = checkpoint.state;
      }
      this.#log = checkpoint ? RunLog.resume(options, this.#state) : RunLog.create(options);
    } catch (error) {
      this.#loader.close();
      throw error;
    }
  }

  get #parts() {
    return { backbone: this.#backbone, head: this.#head, sgd: this.#step.sgd };
  }

  async train(signal: AbortSignal | undefined): Promise<TrainResult> {
    const { endEpoch, maxSteps = Infinity } = this.#options;
    const perEpoch = this.#loader.batches;
    this.#announce();
    await this.#validateUntrained();
    this.#progress.start(Math.min(endEpoch * perEpoch, maxSteps), this.#state.step);
    let stopped = false;
    try {
      // A run that was stopped between an epoch's last step and its validation.
      if (this.#state.epochStep === 0 && this.#state.validated < this.#state.epoch) await this.#validate();
      this.#lastRead = performance.now();
      while (this.#state.epoch < endEpoch && this.#state.step < maxSteps) {
        stopped = await this.#epoch(signal, maxSteps) || signal?.aborted === true;
        if (stopped) break;
        if (this.#state.epochStep === 0) await this.#endOfEpoch();
      }
      if (this.#state.epochStep > 0 || stopped) await this.#save();
      if (this.#state.epochStep > 0 && !stopped) await this.#validate();
    } finally {
      this.#progress.stop();
    }
    const result: TrainResult = {
      folder: this.#log.folder,
      finished: !stopped,
      epochs: this.#state.epoch,
      steps: this.#state.step,
      trainAccuracy: this.#trainAccuracy,
      validation: this.#results,
      untrained: this.#untrained,
      model: this.#state.validated >= 0 && this.#state.step > 0 ? this.#modelPath : undefined,
      seconds: this.#state.seconds,
    };
    if (!stopped) this.#writeResult(result);
    return result;
  }

  /** Trains to the end of the epoch, to the last step asked for, or to a stop; says whether it was a stop. */
  async #epoch(signal: AbortSignal | undefined, maxSteps: number): Promise<boolean> {
    const { ckptSaveSteps = Infinity } = this.#options;
    let whole = false;
    const batches = this.#loader.epoch(this.#state.epoch, this.#state.position);
    try {
      for (;;) {
        const { value: batch, done } = await batches.next();
        if (done) {
          whole = true;
          break;
        }
        this.#takeStep(batch);
        if (this.#step.pending >= this.#readEvery) await this.#read();
        if (signal?.aborted) return true;
        if (this.#state.step % ckptSaveSteps === 0) await this.#save();
        if (this.#state.step >= maxSteps && this.#state.position < this.#loader.sampler.count) break;
      }
    } finally {
      await batches.return?.(undefined);
    }
    await this.#read();
    if (whole) this.#closeEpoch();
    return false;
  }

  #takeStep(batch: Batch): void {
    const { imageSize, accumulate } = this.#options;
    const rate = learningRate(this.#options, {
      epoch: this.#state.epoch,
      step: this.#state.epochStep,
      stepsPerEpoch: this.#loader.batches,
    });
    const size = Math.ceil(batch.size / accumulate);
    const bytes = imageSize * imageSize * 3;
    const parts = [];
    for (let first = 0; first < batch.size; first += size) {
      const last = Math.min(first + size, batch.size);
      parts.push({
        size: last - first,
        upload: () => ({
          images: unpackImages(
            this.#gpu,
            batch.images.subarray(first * bytes, last * bytes),
            imageSize,
            batch.flips.subarray(first, last),
          ),
          labels: tf.tensor1d(batch.labels.subarray(first, last), "int32"),
        }),
      });
    }
    this.#step.run(parts, rate);
    this.#rates.push(rate);
    this.#samples.push(batch.samples);
    this.#state.step++;
    this.#state.epochStep++;
    this.#state.position = batch.position;
  }

  /** Waits for the GPU and takes in the scalars of all steps since the last time. */
  async #read(): Promise<void> {
    const metrics = await this.#step.drain();
    if (metrics.length === 0) return;
    const now = performance.now();
    const seconds = (now - this.#lastRead) / 1000;
    this.#lastRead = now;
    this.#state.seconds += seconds;
    // As many steps as fit between two reads, growing slowly: the first steps compile kernels.
    const fitting = Math.floor(metrics.length * SECONDS_BETWEEN_READS / seconds);
    this.#readEvery = Math.max(1, Math.min(this.#options.logEvery, fitting, 2 * this.#readEvery));
    const rates = this.#rates;
    const samples = this.#samples;
    this.#rates = [];
    this.#samples = [];
    const first = this.#state.step - metrics.length + 1;
    metrics.forEach((one, i) => {
      if (!Number.isFinite(one.loss)) this.#refuseLoss(one.loss, first + i, rates[i], samples[i]);
      this.#state.sums.loss += one.loss * one.samples;
      this.#state.sums.right += one.right;
      this.#state.sums.samples += one.samples;
    });
    const epoch = this.#state.epoch + 1;
    this.#log.step(metrics.flatMap((one, i) => {
      const step = first + i;
      return step % this.#options.logEvery === 0 ? [stepLine(epoch, step, rates[i], one)] : [];
    }));
    const last = metrics[metrics.length - 1];
    const images = metrics.reduce((sum, one) => sum + one.samples, 0);
    this.#progress.update({
      ...last,
      step: this.#state.step,
      epoch,
      lr: rates[rates.length - 1],
      imagesPerSecond: images / seconds,
    });
  }

  #refuseLoss(loss: number, step: number, rate: number, samples: Uint32Array): never {
    const keys = [...samples].map((sample) => this.#set.sampleName(sample));
    const shown = keys.length > 20 ? `${keys.slice(0, 20).join(", ")} and ${keys.length - 20} more` : keys.join(", ");
    throw new InputError(
      `Cannot go on training ${this.#log.folder}: expected a finite loss, found ${loss} at step ${step} with learning rate ` +
        `${rate}; the batch is ${shown}; the last checkpoint is kept: resume from it with a smaller --lr, or with --clip-grad-norm 5`,
    );
  }

  #closeEpoch(): void {
    const { loss, right, samples } = this.#state.sums;
    this.#trainAccuracy = samples === 0 ? undefined : right / samples;
    this.#state.epoch++;
    const { epoch, step, seconds } = this.#state;
    this.#log.epoch({
      epoch,
      step,
      total_loss: loss / samples,
      train_accuracy: right / samples,
      samples,
      corrupt: this.#loader.corruptCount,
      seconds,
    });
    this.#progress.line(
      `epoch ${epoch}  loss ${(loss / samples).toFixed(4)}  training accuracy ${(100 * right / samples).toFixed(2)} %` +
        (this.#loader.corruptCount > 0 ? `  ${this.#loader.corruptCount} corrupt images left out` : ""),
    );
    this.#state.epochStep = 0;
    this.#state.position = 0;
    this.#state.sums = { loss: 0, right: 0, samples: 0 };
  }

  async #validateUntrained(): Promise<void> {
    if (!this.#options.valFirst || this.#state.step > 0 || this.#validation.sets.length === 0) return;
    this.#untrained = await this.#validation.run(this.#backbone);
    this.#log.validation(this.#validationLines(this.#untrained));
    this.#progress.line(`untrained network  ${accuracies(this.#untrained)}`);
    this.#state.validated = 0;
  }

  async #endOfEpoch(): Promise<void> {
    const { epoch, step } = this.#state;
    const { endEpoch, ckptSaveFreq, maxSteps = Infinity } = this.#options;
    // Before the validation: whatever happens in it, the epoch is not lost.
    if (epoch >= endEpoch || step >= maxSteps || epoch % ckptSaveFreq === 0) await this.#save();
    await this.#validate();
  }

  /** Validates the model of now and keeps it where it is the best. */
  async #validate(): Promise<void> {
    const { epoch } = this.#state;
    let best = true;
    if (this.#validation.sets.length > 0) {
      this.#results = await this.#validation.run(this.#backbone);
      this.#log.validation(this.#validationLines(this.#results));
      this.#progress.line(`epoch ${epoch}  verification  ${accuracies(this.#results)}`);
      const accuracy = meanAccuracy(this.#results);
      best = accuracy > (this.#state.best?.accuracy ?? -1);
      if (best) this.#state.best = { accuracy, epoch };
    }
    if (best) {
      writeModel(this.#modelPath, this.#backbone, await this.#backbone.parameters.state(), {
        epoch: String(epoch),
        step: String(this.#state.step),
        run: this.#log.folder,
      });
    }
    this.#state.validated = epoch;
    this.#lastRead = performance.now();
  }

  /** Best by the validation sets' mean accuracy; without any, the newest. */
  get #modelPath(): string {
    return `${this.#log.folder}/best_${this.#options.model}.safetensors`;
  }

  /** Writes a checkpoint of now; the scalars so far are looked at first, so that no loss that is not finite gets into one. */
  async #save(): Promise<void> {
    await this.#read();
    await writeCheckpoint(this.#log.folder, this.#parts, this.#state, this.#identity);
    pruneCheckpoints(this.#log.folder, this.#options.keep);
    this.#lastRead = performance.now();
  }

  #validationLines(results: readonly SetResult[]) {
    const { epoch, step } = this.#state;
    return results.map(({ name, result }) => ({
      epoch,
      step,
      set: name,
      accuracy: result.accuracy,
      accuracy_std: result.accuracyStd,
      val: result.val,
      far: result.far,
      auc: result.auc,
    }));
  }

  #announce(): void {
    const { model, width, imageSize, headType, batchSize } = this.#options;
    const { adapter } = this.#gpu;
    this.#progress.line(`adapter   ${adapter.name}${adapter.software ? " (software: computes on the processor)" : ""}`);
    this.#progress.line(
      `data      ${this.#set.name}: ${this.#set.size} images of ${this.#set.classes} classes, batches of ${batchSize}`,
    );
    this.#progress.line(
      `model     ${model}, width ${width}, images ${imageSize}x${imageSize}, ` +
        `${(this.#backbone.parameters.size / 1e6).toFixed(2)} million parameters; head ${headType}`,
    );
    this.#progress.line(
      `run       ${this.#log.folder}${this.#state.step > 0 ? `, resumed after step ${this.#state.step}` : ""}`,
    );
  }

  #writeResult(result: TrainResult): void {
    const { adapter } = this.#gpu;
    this.#log.result({
      finished: result.finished,
      epochs: result.epochs,
      steps: result.steps,
      train_accuracy: result.trainAccuracy,
      validation: this.#validationLines(result.validation),
      untrained: this.#validationLines(result.untrained),
      best: this.#state.best,
      model: result.model,
      dataset: {
        name: this.#set.name,
        images: this.#set.size,
        classes: this.#set.classes,
        corrupt: this.#loader.corruptCount,
        corrupt_images: this.#loader.corrupt.slice(0, 100),
      },
      adapter: adapter.name,
      versions: { centerbias: VERSION, deno: Deno.version.deno, tfjs: tf.version_core },
      seed: this.#options.seed,
      seconds: result.seconds,
      ended: new Date().toISOString(),
    });
  }

  [Symbol.dispose](): void {
    this.#loader.close();
    this.#log.close();
    this.#step.dispose();
    this.#head.dispose();
    this.#backbone.dispose();
    this.#progress.stop();
  }
}

function accuracies(results: readonly SetResult[]): string {
  const words = results.map(({ name, result }) => `${name} ${percent(result.accuracy)}`);
  if (results.length > 1) words.push(`mean ${percent(meanAccuracy(results))}`);
  return words.join("  ");
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function stepLine(epoch: number, step: number, rate: number, one: StepMetrics) {
  return {
    epoch,
    step,
    total_loss: one.loss,
    t: one.t,
    m_mean: one.marginMean,
    m_max: one.marginMax,
    m_min: one.marginMin,
    accuracy: one.right / one.samples,
    lr: rate,
  };
}
