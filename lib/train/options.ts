import type * as z from "../deps/zod.ts";
import { InputError } from "../errors.ts";
import { expectation, nearestName } from "./option_table.ts";
import { trainOptionsSchema } from "./options_schema.ts";

/**
 * Everything a training run can be told. Names are those of the command line in camelCase (`lrMilestones` is
 * `--lr-milestones`); defaults are the published recipe.
 */
export interface TrainOptions {
  /** Training set: a folder with train.rec, a .rec file, a label.txt list or a folder of folders. @default synthetic faces */
  data?: string;
  /** List of the samples to train on, as tools/sample_dataset.ts writes it; classes stay those of the set. @default all */
  sample?: string;
  /** Verification sets (.bin files or folders of them) to validate on. @default [] */
  val: string[];
  /** Epochs from one validation to the next; after the last there always is one. @default 1 */
  valFreq: number;
  /** Validate the untrained network too. @default false */
  valFirst: boolean;
  /** Mirror each training image with probability 0.5. @default true */
  flip: boolean;
  /** JPEG decoder: the system's libturbojpeg where it can be loaded, or the portable one. @default "auto" */
  codec: "auto" | "wasm" | "turbojpeg";
  /** Workers that decode images; 0 decodes in the calling thread. @default one fewer than cores, at most 4 */
  numWorkers?: number;
  /** Backbone. @default "iresnet18" */
  model: "iresnet18" | "iresnet34" | "iresnet50" | "iresnet100" | "iresnet200" | "mbf" | "mbf_large";
  /** Height and width the network sees, in pixels; other images are resized. @default 112 */
  imageSize: number;
  /** Multiplier of the backbone's channels, for small machines. @default 1 */
  width: number;
  /** Length of an embedding. @default 512 */
  embeddingSize: number;
  /**
   * `mixed` keeps what the backward pass needs in half precision, and multiplies in it where the adapter can; weights, sums and the head
   * stay float32, and gradients are scaled. @default "f32"
   */
  precision: "f32" | "mixed";
  /** Loss head. @default "center_bias" */
  headType: "center_bias" | "arcface" | "cosface";
  /** Scale s of the logits. @default 64 */
  scale: number;
  /** Margin m: for center-bias, of the easiest class. @default 0.4 */
  margin: number;
  /** Center-bias: what is added to the margin of the hardest class. @default 0.2 */
  mM: number;
  /** Center-bias: momentum mu of the class centers and of t. @default 0.99 */
  centerMomentum: number;
  /** Center-bias: 1 in place of the convergence parameter t. @default false */
  constantT: boolean;
  /** Center-bias: which embedding moves the center of a label that a batch holds twice. @default "last" */
  repeatedLabel: "last" | "mean";
  /** Share of the classes that take part in a step, besides those of its images (Partial FC). @default 1 */
  sampleRate: number;
  /** Images per step. @default 512 */
  batchSize: number;
  /** Parts that a step's images are computed in, one after the other: less memory, the same step size. @default 1 */
  accumulate: number;
  /** Learning rate. @default 0.1 */
  lr: number;
  /** Momentum of SGD. @default 0.9 */
  momentum: number;
  /** Weight decay, on every trained parameter. @default 5e-4 */
  weightDecay: number;
  /** Gradients are scaled down to this norm when theirs is larger. @default no clipping */
  clipGradNorm?: number;
  /** How the learning rate goes on. @default "multistep" */
  schedule: "multistep" | "polynomial";
  /** Number of epochs. @default 25 */
  endEpoch: number;
  /** Multi-step: epochs after which the learning rate is multiplied by gamma. @default [8, 16, 22] */
  lrMilestones: number[];
  /** Multi-step: the factor. @default 0.1 */
  gamma: number;
  /** Polynomial: the exponent. @default 2 */
  polyPower: number;
  /** Epochs, or a part of one, in which the learning rate rises linearly from 0. @default 0 */
  warmupEpochs: number;
  /** Stop after this many steps. @default at the end of the last epoch */
  maxSteps?: number;
  /** Fixes initial weights, order of samples and mirroring. @default 21 */
  seed: number;
  /** Folder that runs are kept in. @default "work_dirs" */
  workDir: string;
  /** Name of this series of runs: its folder in workDir. @default "centerbias" */
  prefix: string;
  /** Number N of the run, in the folder exp<N>. @default the next free one */
  expNum?: number;
  /** Epochs from one checkpoint to the next. @default 1 */
  ckptSaveFreq: number;
  /** Also a checkpoint every so many steps, for epochs that take hours. @default only by epoch */
  ckptSaveSteps?: number;
  /** Checkpoints to keep, besides the best model. @default 2 */
  keep: number;
  /** Folder of a run to go on with. @default a new run */
  resume?: string;
  /** Steps from one look at loss, t and margins to the next; looking stalls the GPU. @default 50 */
  logEvery: number;
  /** Write no step, epoch and validation logs. @default false */
  noLog: boolean;
  /** Adapters to train on, a worker on each: "all", numbers of doctor's list ("0,2") or parts of names. @default the one that WebGPU offers */
  adapters?: string;
  /** Workers on each adapter: more than one is for tests and software adapters. @default 1 */
  workersPerAdapter: number;
  /** Ranks of other processes and machines: none, or those that mpirun or srun started. @default "none" */
  dist: "none" | "mpi";
  /** Steps from one average over the workers to the next; 1 is the same as averaging gradients. @default 1 */
  syncEvery: number;
  /** Steps at the start that are averaged after each, whatever `syncEvery` says. @default 0 */
  syncWarmup: number;
  /** Batch-norm takes its statistics over the images of all workers. @default false */
  syncBn: boolean;
  /** The classifier is divided over the workers, a part of the classes each. @default false */
  splitHead: boolean;
  /** Seconds that workers wait for each other before they give up. @default 600 */
  distTimeout: number;
  /** How convolutions are chosen: defaults, what an earlier tuning found, or timed where nothing is known yet. @default "cached" */
  tune: "off" | "cached" | "full";
  /** The tuner's file; it may be deleted, or shared. @default tuning.json in the user's cache folder */
  tuneCache?: string;
}

type Same<A, B> = [A, B] extends [B, A] ? true : never;
const shape = trainOptionsSchema.shape;

/** Fails to compile when the interface and the schema part. */
const _same: Same<z.output<typeof trainOptionsSchema>, TrainOptions> = true;

/**
 * Fills in the defaults and checks every value. A key whose value is `undefined` counts as not given.
 *
 * @throws {InputError} at the first option that is unknown or has a value it cannot have.
 *
 * @example
 * ```ts
 * import { parseTrainOptions } from "./options.ts";
 *
 * const options = parseTrainOptions({ batchSize: 64, lrMilestones: [4, 6] });
 * console.assert(options.batchSize === 64 && options.lr === 0.1);
 * ```
 */
export function parseTrainOptions(given: Partial<TrainOptions> = {}): TrainOptions {
  const options = checkTrainOptions(given, (key) => `option ${key}`);
  const whole = trainOptionsSchema.parse(options) as TrainOptions;
  const { warmupEpochs, endEpoch, lrMilestones } = whole;
  if (warmupEpochs > endEpoch) {
    throw new InputError(
      `Cannot use option warmupEpochs: expected no more than endEpoch, ${endEpoch}, found ${warmupEpochs}`,
    );
  }
  if (lrMilestones.some((epoch, i) => i > 0 && epoch <= lrMilestones[i - 1])) {
    throw new InputError(`Cannot use option lrMilestones: expected rising epochs, found ${lrMilestones.join(",")}`);
  }
  if (whole.splitHead && whole.syncEvery > 1) {
    throw new InputError(
      `Cannot use option splitHead with syncEvery ${whole.syncEvery}: expected syncEvery 1, workers with a part of the classes each ` +
        "take every step together",
    );
  }
  if (
    whole.sampleRate < 1 && (whole.accumulate > 1 || whole.clipGradNorm !== undefined || whole.embeddingSize % 4 > 0)
  ) {
    throw new InputError(
      `Cannot use option sampleRate ${whole.sampleRate}: expected accumulate 1, no clipGradNorm and an embeddingSize that is a multiple of 4, ` +
        `found ${whole.accumulate}, ${whole.clipGradNorm ?? "none"} and ${whole.embeddingSize}`,
    );
  }
  return whole;
}

/**
 * Checks the options that are there, each by itself, and leaves out those that are `undefined`; fills in nothing.
 *
 * `name` says in messages what a key is called where it came from ("option --batch-size", "batch-size at line 3 of x.yaml").
 *
 * @throws {InputError} at the first option that is unknown or has a value it cannot have.
 */
export function checkTrainOptions(
  given: object,
  name: (key: string) => string,
): Partial<TrainOptions> {
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const type = Object.hasOwn(shape, key) ? shape[key as keyof typeof shape] : undefined;
    if (type === undefined) {
      const nearest = nearestName(key, Object.keys(shape));
      throw new InputError(
        `Cannot use ${name(key)}: expected an option's name, found "${key}"${
          nearest ? `; did you mean ${nearest}?` : ""
        }`,
      );
    }
    const result = type.safeParse(value);
    if (!result.success) {
      throw new InputError(
        `Cannot use ${name(key)}: expected ${expectation(type)}, found ${
          typeof value === "number" ? value : JSON.stringify(value)
        }`,
      );
    }
    checked[key] = result.data;
  }
  return checked as Partial<TrainOptions>;
}
