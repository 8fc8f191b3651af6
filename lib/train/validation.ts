import { ImageDecoder } from "../data/image_decoder.ts";
import { type PairSet, readPairSet } from "../data/pair_set.ts";
import { InputError } from "../errors.ts";
import { embedImages } from "../eval/embed.ts";
import { evaluatePairs, type PairOptions, type PairResult } from "../eval/pairs.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";

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
  /** Decoding workers. */
  readonly workers?: number;
  /** Called after each batch with the set's name and the images done and to do. */
  readonly progress?: (name: string, done: number, total: number) => void;
}

/**
 * The .bin files that paths name: files themselves, and every .bin in a folder, in order of name.
 *
 * @throws {InputError} if a path is not there or a folder holds no .bin.
 */
export function findPairSets(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(path);
    } catch {
      throw new InputError(
        `Cannot open verification set ${path}: expected a .bin file or a folder of them, found nothing there`,
      );
    }
    if (!info.isDirectory) return [path];
    const found = [...Deno.readDirSync(path)].filter(({ isFile, name }) => isFile && name.endsWith(".bin"))
      .map(({ name }) => `${path.replace(/\/+$/, "")}/${name}`).sort();
    if (found.length === 0) {
      throw new InputError(`Cannot open verification sets in ${path}: expected .bin files, found none`);
    }
    return found;
  });
}

/** Verification sets, opened once and evaluated as often as wanted; images are read when they are needed. */
export class Validation implements Disposable {
  /** The open sets. */
  readonly sets: readonly PairSet[];
  readonly #gpu: Gpu;
  readonly #options: ValidationOptions;
  #decoder: ImageDecoder | undefined;

  /** @throws {InputError} if a set cannot be read. */
  constructor(gpu: Gpu, paths: readonly string[], options: ValidationOptions = {}) {
    this.#gpu = gpu;
    this.#options = options;
    this.sets = findPairSets(paths).map((path) => readPairSet(path));
  }

  /** Verifies a backbone, in evaluation mode, on every set. */
  async run(backbone: Backbone): Promise<SetResult[]> {
    const { batchSize, flip, progress, workers } = this.#options;
    this.#decoder ??= new ImageDecoder({ imageSize: backbone.options.imageSize, workers });
    const results: SetResult[] = [];
    for (const set of this.sets) {
      const count = 2 * set.pairs;
      const embeddings = await embedImages(this.#gpu, backbone, this.#decoder, count, (i) => set.image(i), {
        batchSize,
        flip,
        progress: (done) => progress?.(set.name, done, count),
        nameOf: (i) => `image ${i} of ${set.path}`,
      });
      results.push({ name: set.name, result: evaluatePairs(embeddings, set.same, this.#options) });
    }
    return results;
  }

  /** Closes the sets and ends the workers. */
  [Symbol.dispose](): void {
    for (const set of this.sets) set[Symbol.dispose]();
    this.#decoder?.close();
    this.#decoder = undefined;
  }
}

/** Mean accuracy over sets. */
export function meanAccuracy(results: readonly SetResult[]): number {
  return results.reduce((sum, { result }) => sum + result.accuracy, 0) / results.length;
}
