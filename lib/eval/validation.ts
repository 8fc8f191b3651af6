import { findPairSets } from "../data/find_pair_sets.ts";
import { ImageDecoder } from "../data/image_decoder.ts";
import { type PairSet, readPairSet } from "../data/pair_set.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";
import { embedImages } from "./embed.ts";
import { checkPairs, evaluatePairs, type PairOptions, type PairResult } from "./pairs.ts";

/** A verification set's name and result. */
export interface SetResult {
  /** Name of the set. */
  readonly name: string;
  /** What the pair protocol found. */
  readonly result: PairResult;
}

/** How sets are verified. */
export interface ValidationOptions extends PairOptions {
  /** Images computed at once. @default 64 */
  readonly batchSize?: number;
  /** Adds the embedding of the mirrored image. @default false */
  readonly flip?: boolean;
  /** Decoding workers. @default one fewer than cores, at most 4 */
  readonly workers?: number;
}

/** What a caller of {@linkcode Validation.run} can hook up. */
export interface ValidationHooks {
  /** Told after each batch how many images of all sets are done, and which set it was. */
  readonly progress?: (done: number, total: number, set: string) => void;
  /** Stops after the batch under way: `run` is rejected with the signal's reason then. */
  readonly signal?: AbortSignal;
}

/** Verification sets, opened once and evaluated as often as wanted; images are read when they are needed. */
export class Validation implements Disposable {
  /** The open sets. */
  readonly sets: readonly PairSet[];
  /** Why sets that were found in a folder, not named, cannot be used and are left out: a line each. */
  readonly leftOut: readonly string[];
  readonly #gpu: Gpu;
  readonly #options: ValidationOptions;
  #decoder: ImageDecoder | undefined;

  /**
   * Opens the sets that `paths` name, as {@linkcode findPairSets} finds them.
   *
   * @throws {InputError} if one cannot be read, or if one that is named, or all, have too few pairs or pairs of one kind only.
   */
  constructor(gpu: Gpu, paths: readonly string[], options: ValidationOptions = {}) {
    this.#gpu = gpu;
    this.#options = options;
    const { batchSize = 64 } = options;
    if (!(Number.isSafeInteger(batchSize) && batchSize >= 1)) {
      throw new InputError(`Cannot verify: expected a batch size of 1 or more, found ${batchSize}`);
    }
    const sets: PairSet[] = [];
    const leftOut: string[] = [];
    this.sets = sets;
    this.leftOut = leftOut;
    try {
      for (const path of findPairSets(paths)) {
        const set = readPairSet(path);
        const fault = this.#fault(set);
        if (fault === undefined) {
          sets.push(set);
          continue;
        }
        set[Symbol.dispose]();
        leftOut.push(fault);
        if (paths.includes(path)) throw new InputError(fault);
      }
      if (sets.length === 0 && leftOut.length > 0) throw new InputError(leftOut[0]);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * Verifies a backbone, in evaluation mode, on every set.
   *
   * @throws {InputError} (as a rejection) at the first image that cannot be decoded, or embedding without direction.
   */
  async run(backbone: Backbone, hooks: ValidationHooks = {}): Promise<SetResult[]> {
    return await this.each(backbone, (set, embeddings) => {
      return { name: set.name, result: evaluatePairs(embeddings, set.same, this.#options) };
    }, hooks);
  }

  /**
   * Embeds every set with a backbone, one after the other, and gives each one's embeddings [2 * pairs, dim] to `work`.
   *
   * @throws {InputError} (as a rejection) at the first image that cannot be decoded; and what `work` throws of pairs, with the set's file.
   */
  async each<T>(
    backbone: Backbone,
    work: (set: PairSet, embeddings: Float32Array) => T,
    hooks: ValidationHooks = {},
  ): Promise<T[]> {
    const { batchSize, flip, workers } = this.#options;
    const { imageSize } = backbone.options;
    if (this.#decoder?.imageSize !== imageSize) {
      this.#decoder?.close();
      this.#decoder = new ImageDecoder({ imageSize, workers });
    }
    const total = this.sets.reduce((sum, { pairs }) => sum + 2 * pairs, 0);
    const results: T[] = [];
    let before = 0;
    for (const set of this.sets) {
      hooks.signal?.throwIfAborted();
      hooks.progress?.(before, total, set.name);
      const count = 2 * set.pairs;
      const embeddings = await embedImages(this.#gpu, backbone, this.#decoder!, count, (i) => set.image(i), {
        batchSize,
        flip,
        progress: (done) => {
          hooks.progress?.(before + done, total, set.name);
          hooks.signal?.throwIfAborted();
        },
        nameOf: (i) => `image ${i} of ${set.path}`,
      });
      results.push(ofSet(set, () => work(set, embeddings)));
      before += count;
    }
    return results;
  }

  /** Closes the sets and ends the workers. */
  [Symbol.dispose](): void {
    for (const set of this.sets) set[Symbol.dispose]();
    this.#decoder?.close();
    this.#decoder = undefined;
  }

  /** Why the protocol would refuse a set after an hour of training; undefined if it would not. */
  #fault(set: PairSet): string | undefined {
    try {
      ofSet(set, () => checkPairs(2 * set.pairs, set.same, this.#options));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.message;
    }
  }
}

/** Does work on a set's pairs; what is wrong with them is said with the set's file. */
function ofSet<T>(set: PairSet, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(error.message.replace("Cannot evaluate pairs", `Cannot verify on ${set.path}`));
  }
}

/** Mean accuracy over sets. */
export function meanAccuracy(results: readonly { readonly result: { readonly accuracy: number } }[]): number {
  return results.reduce((sum, { result }) => sum + result.accuracy, 0) / results.length;
}
