import { createHash } from "node:crypto";
import { InputError } from "../errors.ts";
import type { Head } from "../head/head.ts";
import { asTensorData, backboneMetadata, backboneState } from "../model/model_file.ts";
import { readSafetensors, type TensorData, toFloat32, writeSafetensors } from "../model/safetensors.ts";
import type { Backbone } from "../nn/backbone.ts";
import type { StateDict } from "../nn/parameters.ts";
import type { Sgd } from "./sgd.ts";

/** Sums over the epoch under way, for its line in the log. */
export interface EpochSums {
  /** Sum of loss times samples. */
  loss: number;
  /** Right answers. */
  right: number;
  /** Samples. */
  samples: number;
}

/** Where a run stands: with the weights, all that the next step is a function of. */
export interface RunState {
  /** Epochs finished. */
  epoch: number;
  /** Epochs validated; 0 at the start. */
  validated: number;
  /** Steps finished since the start of the run. */
  step: number;
  /** Steps finished in the epoch under way. */
  epochStep: number;
  /** Place in the order of the epoch under way. */
  position: number;
  /** Sums over the epoch under way. */
  sums: EpochSums;
  /** Best mean accuracy of the validation sets so far. */
  best: { accuracy: number; epoch: number } | undefined;
  /** Seconds of training so far. */
  seconds: number;
}

/** What a run's order and randomness come from: a checkpoint only continues a run with the same. */
export interface RunIdentity {
  /** Seed of weights, order and flips. */
  readonly seed: number;
  /** Images per step. */
  readonly batchSize: number;
  /** Samples in the training set. */
  readonly samples: number;
  /** Classes in the training set. */
  readonly classes: number;
  /** Head, such as `center_bias`. */
  readonly headType: string;
}

/** The parts of a run whose state a checkpoint holds. */
export interface CheckpointParts {
  readonly backbone: Backbone;
  readonly head: Head;
  readonly sgd: Sgd;
}

/** Name of a checkpoint file after `step` steps: names sort as the steps do. */
export function checkpointName(step: number): string {
  return `checkpoint_${String(step).padStart(10, "0")}.safetensors`;
}

/**
 * Writes a checkpoint: the backbone's tensors under PyTorch's names, the head's under `head.`, the optimizer's velocities
 * under `velocity.`, and the run's state in the metadata, with a SHA-256 over all tensors. Whole or not at all.
 */
export async function writeCheckpoint(
  folder: string,
  parts: CheckpointParts,
  state: RunState,
  identity: RunIdentity,
): Promise<string> {
  const all: StateDict = await parts.backbone.parameters.state();
  for (const [name, value] of await parts.head.parameters.state()) all.set(`head.${name}`, value);
  for (const [name, value] of await parts.sgd.state()) all.set(`velocity.${name}`, value);
  const tensors = asTensorData(all);
  const path = `${folder}/${checkpointName(state.step)}`;
  writeSafetensors(path, tensors, {
    ...backboneMetadata(parts.backbone),
    format: FORMAT,
    run_state: JSON.stringify(state),
    run_identity: JSON.stringify(identity),
    sha256: digest(tensors),
  }, { force: true });
  return path;
}

/** First line of every checkpoint's description. */
const FORMAT = "centerbias checkpoint 1";

/** What a checkpoint file holds. */
export interface Checkpoint {
  readonly path: string;
  readonly tensors: Map<string, TensorData>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly state: RunState;
  readonly identity: RunIdentity;
}

/**
 * Reads a checkpoint and checks that it is whole.
 *
 * @throws {InputError} if it is damaged or not a checkpoint.
 */
export function readCheckpoint(path: string): Checkpoint {
  const { tensors, metadata } = readSafetensors(path);
  const refuse = (expected: string, found: string) =>
    new InputError(`Cannot read checkpoint ${path}: expected ${expected}, found ${found}`);
  if (metadata.format !== FORMAT) throw refuse(`format "${FORMAT}"`, metadata.format ?? "none");
  const found = digest(tensors);
  if (found !== metadata.sha256) throw refuse(`contents with SHA-256 ${metadata.sha256}`, found);
  try {
    const state = JSON.parse(metadata.run_state) as RunState;
    const identity = JSON.parse(metadata.run_identity) as RunIdentity;
    for (const value of [state.epoch, state.step, state.epochStep, state.position]) {
      if (!Number.isSafeInteger(value) || value < 0) throw refuse("counts in run_state", metadata.run_state);
    }
    return { path, tensors, metadata, state, identity };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw refuse("run_state and run_identity as JSON", (error as Error).message);
  }
}

/**
 * The newest whole checkpoint of a run's folder; damaged ones are named through `warn` and passed over.
 *
 * @throws {InputError} if there is none.
 */
export function newestCheckpoint(folder: string, warn: (text: string) => void): Checkpoint {
  const names = checkpointNames(folder).reverse();
  for (const name of names) {
    try {
      return readCheckpoint(`${folder}/${name}`);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      warn(`warning: ${error.message}; going back to the checkpoint before it`);
    }
  }
  throw new InputError(
    `Cannot resume ${folder}: expected a whole checkpoint_*.safetensors, found ${
      names.length === 0 ? "none" : `${names.length}, all damaged`
    }`,
  );
}

/** Names of the checkpoints in a folder, oldest first. */
export function checkpointNames(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
      /^checkpoint_\d{10,}\.safetensors$/.test(name)
    ).sort();
  } catch {
    throw new InputError(`Cannot resume ${folder}: expected a run's folder, found none there`);
  }
}

/** Removes all but the newest `keep` checkpoints. */
export function pruneCheckpoints(folder: string, keep: number): void {
  for (const name of checkpointNames(folder).slice(0, -keep)) Deno.removeSync(`${folder}/${name}`);
}

/**
 * Puts a checkpoint's values into the parts of a run.
 *
 * @throws {InputError} if it is of another model, another set or another seed.
 */
export function restoreCheckpoint(checkpoint: Checkpoint, parts: CheckpointParts, identity: RunIdentity): void {
  for (const [name, value] of Object.entries(identity)) {
    const saved = checkpoint.identity[name as keyof RunIdentity];
    if (saved !== value) {
      throw new InputError(
        `Cannot resume from ${checkpoint.path}: expected ${name} ${saved}, as the run began, found ${value}`,
      );
    }
  }
  const metadata = backboneMetadata(parts.backbone);
  for (const name of ["model", "width", "image_size", "embedding_size"]) {
    if (checkpoint.metadata[name] !== metadata[name]) {
      throw new InputError(
        `Cannot resume from ${checkpoint.path}: it is of another model: expected ${name} ${
          checkpoint.metadata[name]
        }, ` +
          `as it was saved, found ${metadata[name]}`,
      );
    }
  }
  const under = (prefix: string): StateDict => {
    const state: StateDict = new Map();
    for (const [name, tensor] of checkpoint.tensors) {
      if (name.startsWith(prefix)) {
        state.set(name.slice(prefix.length), { shape: tensor.shape, data: toFloat32(tensor) });
      }
    }
    return state;
  };
  parts.backbone.parameters.load(backboneState(checkpoint.tensors), checkpoint.path);
  parts.head.parameters.load(under("head."), checkpoint.path);
  parts.sgd.load(under("velocity."));
}

/** SHA-256 over names, shapes and bytes of all tensors, in order of name. */
function digest(tensors: Map<string, TensorData>): string {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    const { shape, data } = tensors.get(name)!;
    hash.update(`${name} ${shape.join()}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
