import { join } from "node:path";
import { exists } from "./exists.ts";
import { FolderSet } from "./folder_set.ts";
import { ioError } from "./io_error.ts";
import { ListSet } from "./list_set.ts";
import { RECORD_MAGIC } from "./record_format.ts";
import { RecordSet } from "./record_set.ts";
import { SampleSubset } from "./sample_subset.ts";
import type { TrainingSet } from "./training_set.ts";

/** Which part of a set is opened. */
export interface OpenTrainingSetOptions {
  /** List of the samples wanted, as `writeSampleList` writes it. @default all */
  readonly sample?: string;
}

/**
 * Opens a training set of any kind: a .rec file or a folder with a train.rec, a list (label.txt) or a folder with one,
 * a folder of folders. A folder that has several is taken as the first of these.
 *
 * @throws {InputError} if there is none, or it is damaged.
 *
 * @example
 * ```ts
 * import { openTrainingSet } from "./open_training_set.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * Deno.writeTextFileSync(`${folder}/label.txt`, "images/a.jpg\t7\nimages/b.jpg\t9\n");
 * using set = openTrainingSet(folder);
 * console.assert(set.size === 2 && set.classes === 2);
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function openTrainingSet(path: string, { sample }: OpenTrainingSetOptions = {}): TrainingSet {
  const set = openWhole(path);
  if (sample === undefined) return set;
  try {
    return new SampleSubset(set, sample);
  } catch (error) {
    set[Symbol.dispose]();
    throw error;
  }
}

function openWhole(path: string): TrainingSet {
  let isFolder: boolean;
  try {
    isFolder = Deno.statSync(path).isDirectory;
  } catch (error) {
    throw ioError("open training set", path, error);
  }
  if (!isFolder) return isRecordFile(path) ? RecordSet.open(path) : ListSet.open(path);
  if (exists(join(path, "train.rec"))) return RecordSet.open(path);
  if (exists(join(path, "label.txt"))) return ListSet.open(path);
  return FolderSet.open(path);
}

/** By its name, or by the magic it begins with. */
function isRecordFile(path: string): boolean {
  if (/\.rec$/i.test(path)) return true;
  try {
    using file = Deno.openSync(path, { read: true });
    const start = new Uint8Array(4);
    return file.readSync(start) === 4 && new DataView(start.buffer).getUint32(0, true) === RECORD_MAGIC;
  } catch (error) {
    throw ioError("open training set", path, error);
  }
}
