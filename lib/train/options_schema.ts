import * as z from "../deps/zod.ts";

/** Headings that options stand under, in the order of the help. */
export const OPTION_GROUPS = ["Data", "Model", "Head", "Optimizer", "Schedule", "Workers", "Run"] as const;

type Group = typeof OPTION_GROUPS[number];

function option<T extends z.ZodType>(group: Group, description: string, type: T): T {
  return type.meta({ group, description }) as T;
}

function whole(least: number, most = 2 ** 31 - 1): z.ZodInt {
  return z.int().min(least).max(most);
}

const text = z.string().min(1);
const positive = z.number().positive();
const share = z.number().min(0).lt(1);

const models = ["iresnet18", "iresnet34", "iresnet50", "iresnet100", "iresnet200", "mbf", "mbf_large"] as const;

/**
 * The schema of TrainOptions: types, limits, defaults. `group` and `description` are in each option's metadata: the
 * command line is made from it.
 */
export const trainOptionsSchema = z.strictObject({
  data: option("Data", "training set: folder with train.rec, .rec, label.txt or folder of folders", text.optional()),
  sample: option("Data", "train on the samples of a list that tools/sample_dataset.ts wrote", text.optional()),
  val: option("Data", "verification sets: .bin files or folders of them", z.array(text).max(1000).default([])),
  valFreq: option("Data", "epochs from one validation to the next; the last is always validated", whole(1).default(1)),
  valFirst: option("Data", "validate the untrained network too", z.boolean().default(false)),
  flip: option("Data", "mirror each image with probability 0.5", z.boolean().default(true)),
  codec: option("Data", "JPEG decoder", z.enum(["auto", "wasm", "turbojpeg"]).default("auto")),
  numWorkers: option("Data", "decoding workers (default: one fewer than cores, at most 4)", whole(0, 256).optional()),

  model: option("Model", "backbone", z.enum(models).default("iresnet18")),
  imageSize: option("Model", "height and width the network sees, pixels", whole(16, 1024).default(112)),
  width: option("Model", "multiplier of the backbone's channels", positive.max(8).default(1)),
  embeddingSize: option("Model", "length of an embedding", whole(1, 8192).default(512)),
  precision: option(
    "Model",
    "mixed: activations in half precision, less memory",
    z.enum(["f32", "mixed"]).default("f32"),
  ),

  headType: option("Head", "loss head", z.enum(["center_bias", "arcface", "cosface"]).default("center_bias")),
  scale: option("Head", "scale s of the logits", positive.default(64)),
  margin: option("Head", "margin m (of the easiest class)", z.number().min(0).max(Math.PI).default(0.4)),
  mM: option("Head", "added to the hardest class's margin", z.number().min(0).max(Math.PI).default(0.2)),
  centerMomentum: option("Head", "momentum mu of class centers and t", share.default(0.99)),
  constantT: option("Head", "1 in place of the convergence parameter t", z.boolean().default(false)),
  repeatedLabel: option("Head", "row that moves a repeated label's center", z.enum(["last", "mean"]).default("last")),
  sampleRate: option("Head", "share of the classes that take part in a step", positive.max(1).default(1)),

  batchSize: option("Optimizer", "images per step", whole(1, 2 ** 20).default(512)),
  accumulate: option("Optimizer", "parts a step is computed in, for less memory", whole(1, 2 ** 20).default(1)),
  lr: option("Optimizer", "learning rate", positive.default(0.1)),
  momentum: option("Optimizer", "momentum of SGD", share.default(0.9)),
  weightDecay: option("Optimizer", "weight decay on every trained parameter", z.number().min(0).default(5e-4)),
  clipGradNorm: option("Optimizer", "largest norm of the gradients (default: no clipping)", positive.optional()),

  schedule: option("Schedule", "how the learning rate goes", z.enum(["multistep", "polynomial"]).default("multistep")),
  endEpoch: option("Schedule", "number of epochs", whole(1, 1e6).default(25)),
  lrMilestones: option(
    "Schedule",
    "epochs after which lr is multiplied",
    z.array(whole(1)).max(1000).default([8, 16, 22]),
  ),
  gamma: option("Schedule", "... by this factor", positive.max(1).default(0.1)),
  polyPower: option("Schedule", "exponent of the polynomial schedule", positive.default(2)),
  warmupEpochs: option("Schedule", "epochs (or a part) of linear warm-up", z.number().min(0).default(0)),
  maxSteps: option("Schedule", "stop after this many steps (default: never)", whole(1).optional()),

  adapters: option("Workers", "a worker on each: all, numbers of doctor --adapters, or names", text.optional()),
  workersPerAdapter: option("Workers", "workers on each adapter", whole(1, 64).default(1)),
  dist: option(
    "Workers",
    "mpi: this process is one that mpirun or srun started",
    z.enum(["none", "mpi"]).default("none"),
  ),
  syncEvery: option("Workers", "steps from one average over the workers to the next", whole(1).default(1)),
  syncWarmup: option("Workers", "first steps that are averaged after each", whole(0).default(0)),
  syncBn: option("Workers", "take batch-norm statistics over all workers", z.boolean().default(false)),
  splitHead: option("Workers", "divide the classes over the workers", z.boolean().default(false)),
  distTimeout: option("Workers", "seconds that workers wait for each other", positive.max(86400).default(600)),

  seed: option("Run", "fixes weights, order of samples, mirroring", whole(0, 2 ** 32 - 1).default(21)),
  workDir: option("Run", "folder that runs are kept in", text.default("work_dirs")),
  prefix: option("Run", "name of this series of runs", text.regex(/^(?!\.{1,2}$)[^/\\\0]+$/).default("centerbias")),
  expNum: option("Run", "number of the run (default: the next free one)", whole(0).optional()),
  ckptSaveFreq: option("Run", "epochs from one checkpoint to the next", whole(1).default(1)),
  ckptSaveSteps: option("Run", "also a checkpoint every so many steps (default: never)", whole(1).optional()),
  keep: option("Run", "checkpoints to keep besides the best model", whole(1).default(2)),
  resume: option("Run", "folder of a run to go on with", text.optional()),
  logEvery: option("Run", "steps from one reading of the loss to the next", whole(1, 1e6).default(50)),
  noLog: option("Run", "write no step, epoch and validation logs", z.boolean().default(false)),
  tune: option("Run", "how kernels are chosen", z.enum(["off", "cached", "full"]).default("cached")),
  tuneCache: option("Run", "file of the tuner (default: in the user's cache folder)", text.optional()),
});
