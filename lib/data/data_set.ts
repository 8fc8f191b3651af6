import { join } from "node:path";
import { exists } from "./exists.ts";
import { findPairSets } from "./find_pair_sets.ts";
import type { ImageSource } from "./image_source.ts";
import { openTrainingSet } from "./open_training_set.ts";
import { type PairSet, readPairSet } from "./pair_set.ts";
import type { TrainingSet } from "./training_set.ts";

/** A set of either kind, as images to look through, numbered 0 … size-1. */
export interface DataSet extends Disposable {
  /** The path as the user gave it. */
  readonly path: string;
  /** Number of images. */
  readonly size: number;
  /** The set, if it is to train on. */
  readonly training?: TrainingSet;
  /** The set, if it is to verify on: pair k is images 2k and 2k+1. */
  readonly pairs?: PairSet;
  /** Where image `i` is. @throws {InputError} if its bytes are damaged in the file. */
  source(i: number): ImageSource;
  /** Image `i` in words a user can look up: "key 17", a file's path, "image 3 (pair 1)". */
  nameOf(i: number): string;
}

/**
 * Opens a .bin as a verification set, all else as a training set.
 *
 * @throws {InputError} if it is not there or damaged.
 */
export function openDataSet(path: string): DataSet {
  if (!/\.(bin|pkl|pickle)$/i.test(path)) {
    const training = openTrainingSet(path);
    return {
      ...{ path, training, size: training.size },
      source: (i) => training.source(i),
      nameOf: (i) => training.sampleName(i),
      [Symbol.dispose]: () => training[Symbol.dispose](),
    };
  }
  const pairs = readPairSet(path);
  return {
    ...{ path, pairs, size: 2 * pairs.pairs },
    source: (i) => ({ kind: "bytes", bytes: pairs.image(i) }),
    nameOf: (i) => `image ${i} (pair ${i >> 1})`,
    [Symbol.dispose]: () => pairs[Symbol.dispose](),
  };
}

/**
 * The sets that a path names, for `openDataSet`: of a folder its training set, if there is one, and every .bin in it, in order of name.
 *
 * @example
 * ```ts
 * import { findDataSets } from "./data_set.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * for (const name of ["train.rec", "lfw.bin"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
 * console.assert(findDataSets(folder).join() === `${folder},${folder}/lfw.bin`);
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function findDataSets(path: string): string[] {
  if (!isFolder(path)) return [path];
  const hasPairs = [...Deno.readDirSync(path)].some(({ isDirectory, name }) => !isDirectory && name.endsWith(".bin"));
  if (!hasPairs) return [path];
  const isTraining = ["train.rec", "label.txt"].some((name) => exists(join(path, name)));
  return [...isTraining ? [path] : [], ...findPairSets([path])];
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // opening it says why
  }
}
