import type { Group } from "../dist/group.ts";
import { InputError } from "../errors.ts";
import type { Head } from "../head/head.ts";
import { asTensorData, backboneMetadata, backboneState } from "../model/model_file.ts";
import { readSafetensors, type TensorData, toFloat32, writeSafetensors } from "../model/safetensors.ts";
import type { Backbone } from "../nn/backbone.ts";
import { joined, type StateDict } from "../nn/parameters.ts";
import { flagName } from "./option_table.ts";
import type { RunState } from "./run_state.ts";
import type { Sgd } from "./sgd.ts";

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
  /** The network. */
  readonly backbone: Backbone;
  /** The loss head. */
  readonly head: Head;
  /** The optimizer. */
  readonly sgd: Sgd;
}

/** What a checkpoint file holds. */
export interface Checkpoint {
  /** The file. */
  readonly path: string;
  /** Backbone, head and velocities. */
  readonly tensors: Map<string, TensorData>;
  /** Texts, as they are in the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the run stood. */
  readonly state: RunState;
  /** Whose checkpoint it is. */
  readonly identity: RunIdentity;
  /** Adapter it was computed on. */
  readonly adapter: string;
}

/** First line of every checkpoint's description. */
const FORMAT = "centerbias checkpoint 1";

/**
 * All that a checkpoint holds of a run's parts: the backbone's tensors under PyTorch's names, the head's under `head.`, the optimizer's
 * velocities under `velocity.`. Of a classifier that is divided over the ranks of a group, which all call this, the whole.
 */
export async function checkpointTensors(parts: CheckpointParts, group: Group): Promise<StateDict> {
  const all: StateDict = await parts.backbone.parameters.state();
  for (const [name, value] of await parts.head.parameters.state()) all.set(`head.${name}`, value);
  for (const [name, value] of await parts.sgd.state()) all.set(`velocity.${name}`, value);
  if (parts.head.share === undefined) return all;
  for (const name of DIVIDED) {
    const own = all.get(name);
    if (own === undefined) continue;
    const data = joined(await group.allGather(own.data));
    all.set(name, { shape: [parts.head.classes, own.shape[1]], data });
  }
  return all;
}

/** Tables of which each rank has the rows of its classes, where the classifier is divided. */
const DIVIDED = ["head.weight", "head.center", "velocity.head.weight"];

/**
 * Writes a checkpoint of what {@linkcode checkpointTensors} gave, with the run's state in the metadata. Whole, with a checksum, or not at all.
 *
 * @throws {InputError} if a value is not finite, or the file cannot be written.
 */
export function writeCheckpoint(
  path: string,
  all: StateDict,
  backbone: Backbone,
  state: RunState,
  identity: RunIdentity,
  adapter: string,
): void {
  requireFinite(all, path, state.step);
  writeSafetensors(path, asTensorData(all), {
    ...backboneMetadata(backbone),
    format: FORMAT,
    run_state: JSON.stringify(state),
    run_identity: JSON.stringify(identity),
    adapter,
  });
}

/**
 * Refuses values that are not finite, before they are written to `path`.
 *
 * @throws {InputError} naming the first parameter that has one, and the step.
 */
export function requireFinite(state: StateDict, path: string, step: number): void {
  for (const [name, { data }] of state) {
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += 0 * data[i];
    if (sum === 0) continue;
    const at = data.findIndex((value) => !Number.isFinite(value));
    throw new InputError(
      `Cannot write ${path}: expected finite weights, found ${data[at]} in ${name} (value ${at}) after step ${step}; ` +
        `nothing was written; ${AFTER_DIVERGENCE}`,
    );
  }
}

/** What to do when a run has left the finite numbers. */
export const AFTER_DIVERGENCE =
  "checkpoints from before it are kept: go on from the last with --resume and a smaller --lr, or --clip-grad-norm 5";

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
  let state: RunState;
  let identity: RunIdentity;
  try {
    state = JSON.parse(metadata.run_state);
    identity = JSON.parse(metadata.run_identity);
  } catch (error) {
    throw refuse("run_state and run_identity as JSON", (error as Error).message);
  }
  for (const value of [state?.epoch, state?.step, state?.epochStep, state?.position]) {
    if (!Number.isSafeInteger(value) || value < 0) throw refuse("counts in run_state", metadata.run_state);
  }
  return { path, tensors, metadata, state, identity, adapter: metadata.adapter ?? "" };
}

/**
 * Puts a checkpoint's values into the parts of a run.
 *
 * @throws {InputError} if it is of another model, another set or another seed.
 */
export function restoreCheckpoint(checkpoint: Checkpoint, parts: CheckpointParts, identity: RunIdentity): void {
  const { path, metadata, tensors } = checkpoint;
  const current = backboneMetadata(parts.backbone);
  for (const [name, flag] of Object.entries(MODEL_FLAGS)) {
    if (metadata[name] === current[name]) continue;
    throw new InputError(
      `Cannot resume from ${path}: it is of another model: expected ${flag} ${
        metadata[name]
      }, as the run began, found ` +
        `${current[name]}; leave out --${flag}`,
    );
  }
  for (const [name, value] of Object.entries(identity)) {
    const saved = checkpoint.identity[name as keyof RunIdentity];
    if (saved === value) continue;
    const ofData = name === "samples" || name === "classes";
    throw new InputError(
      `Cannot resume from ${path}: expected ${ofData ? `a training set of ${saved} ${name}` : `${name} ${saved}`}, ` +
        `as the run began, found ${value}; ${ofData ? "give the same --data" : `leave out --${flagName(name)}`}`,
    );
  }
  const under = (prefix: string): StateDict => {
    const state: StateDict = new Map();
    for (const [name, tensor] of tensors) {
      if (name.startsWith(prefix)) {
        state.set(name.slice(prefix.length), { shape: tensor.shape, data: toFloat32(tensor) });
      }
    }
    return state;
  };
  const { share, parameters } = parts.head;
  const rowsOfShare = (state: StateDict, prefix: string): StateDict => {
    if (share === undefined) return state;
    for (const [name, { shape, data }] of state) {
      if (!DIVIDED.includes(prefix + name)) continue;
      const [, columns] = shape;
      const rows = data.slice(share.first * columns, (share.first + share.count) * columns);
      state.set(name, { shape: [share.count, columns], data: rows });
    }
    return state;
  };
  parameters.load(rowsOfShare(under("head."), "head."), path);
  parts.backbone.parameters.load(backboneState(tensors), path);
  parts.sgd.load(rowsOfShare(under("velocity."), "velocity."));
}

/** What a model is made of, by its name in metadata and on the command line. */
const MODEL_FLAGS = { model: "model", width: "width", image_size: "image-size", embedding_size: "embedding-size" };
