import { basename, dirname, join, resolve } from "node:path";
import { InputError } from "../../errors.ts";
import { AtomicFile, removeLeftovers } from "../atomic_file.ts";
import { imageSizeOf, readImageFile } from "../image_file.ts";
import { encodeImageRecord } from "../image_record.ts";
import type { ImageSource } from "../image_source.ts";
import { ioError } from "../io_error.ts";
import { openTrainingSet } from "../open_training_set.ts";
import { formatProperty } from "../property.ts";
import { RecordWriter } from "../record_writer.ts";
import type { TrainingSet } from "../training_set.ts";
import { type ConvertOptions, PROGRESS_STEP } from "./convert_options.ts";

/** What packRecords() did. */
export interface PackedRecords {
  /** Images packed. */
  images: number;
  /** Classes, labelled 0 … classes-1. */
  classes: number;
  /** Height and width in `property`: the most frequent size. */
  imageSize: [height: number, width: number];
  /** Images of another size. */
  otherSizes: number;
}

/** Record 0 counts in float32, which holds every whole number up to here only. */
const FLOAT32_WHOLE = 2 ** 24;

/**
 * Packs label.txt, or a folder of folders, into train.rec, train.idx and property: `convert pack`.
 *
 * Images are the records 1 … n in the order of their classes, within a class in the order of the list; then follows one
 * identity record per class; record 0 says where each begins. A set too large for that (2^24 records: record 0 counts
 * in float32) is packed as image records 0 … n-1 alone, which every reader of the format takes as well.
 *
 * @param source label.txt, a folder with one, or a folder of folders
 * @param out the folder to make the three files in
 * @throws {InputError} if an image is missing or is none, or `out` cannot be written. Nothing is left behind then.
 */
export function packRecords(source: string, out: string, options: ConvertOptions = {}): PackedRecords {
  const { force = false } = options;
  using set = openTrainingSet(source);
  if (set.source(0).kind !== "file") {
    throw new InputError(`Cannot pack ${source}: expected label.txt or a folder of folders, found a packed set`);
  }
  const { samples, starts } = byClass(set);
  const made = makeFolder(out);
  try {
    removeLeftovers(out); // of a killed process
    using property = AtomicFile.create(join(out, "property"), { force });
    using writer = RecordWriter.create(join(out, "train.rec"), { force });
    const withRanges = set.size + set.classes < FLOAT32_WHOLE;
    const firstKey = withRanges ? 1 : 0;
    const end = firstKey + set.size;
    if (withRanges) writer.write(0, encodeImageRecord({ label: [end, end + set.classes] }));
    const sizes = writeImages(set, samples, firstKey, writer, options);
    for (let c = 0; withRanges && c < set.classes; c++) {
      const range = [firstKey + starts[c], firstKey + starts[c + 1]];
      writer.write(end + c, encodeImageRecord({ label: range, id: end + c }));
    }
    const [[size, count]] = [...sizes].sort((a, b) => b[1] - a[1]);
    const imageSize = size.split("x").map(Number) as [number, number];
    property.write(
      new TextEncoder().encode(formatProperty({ classes: set.classes, height: imageSize[0], width: imageSize[1] })),
    );
    writer.flush(); // so that a full disk leaves no property behind
    property.commit();
    writer.finish(); // last: without train.rec a folder is no training set
    return { images: set.size, classes: set.classes, imageSize, otherSizes: set.size - count };
  } catch (error) {
    if (made) removeEmpty(out);
    throw error;
  }
}

/** Writes the images; how often each "heightxwidth" occurred. */
function writeImages(
  set: TrainingSet,
  samples: Uint32Array,
  firstKey: number,
  writer: RecordWriter,
  { onProgress }: ConvertOptions,
): Map<string, number> {
  const sizes = new Map<string, number>();
  const list = set.name;
  for (let i = 0; i < samples.length; i++) {
    const { path, label } = fileOf(set.source(samples[i]));
    const image = readImageFile(path, `${list}: ${set.sampleName(samples[i])}`);
    const size = sizeOf(image, path).join("x");
    sizes.set(size, (sizes.get(size) ?? 0) + 1);
    writer.write(firstKey + i, encodeImageRecord({ label, id: firstKey + i, image }));
    if (i % PROGRESS_STEP === 0) onProgress?.(i, samples.length);
  }
  onProgress?.(samples.length, samples.length);
  return sizes;
}

function sizeOf(image: Uint8Array, path: string): [number, number] {
  try {
    return imageSizeOf(image);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`Cannot pack image ${path}: ${error.message}`);
  }
}

/** Samples in the order of their labels, in list order within one, and where each class begins among them. */
function byClass(set: TrainingSet): { samples: Uint32Array; starts: Uint32Array } {
  const labels = new Int32Array(set.size);
  const starts = new Uint32Array(set.classes + 1);
  for (let i = 0; i < set.size; i++) starts[(labels[i] = fileOf(set.source(i)).label) + 1]++;
  for (let c = 0; c < set.classes; c++) starts[c + 1] += starts[c];
  const next = starts.slice();
  const samples = new Uint32Array(set.size);
  for (let i = 0; i < set.size; i++) samples[next[labels[i]]++] = i;
  return { samples, starts };
}

function fileOf(source: ImageSource): { path: string; label: number } {
  if (source.kind !== "file") throw new TypeError(`a ${source.kind} where a file was expected`);
  return source;
}

/** Was the folder made now? */
function makeFolder(path: string): boolean {
  try {
    const { isDirectory } = Deno.statSync(path);
    if (isDirectory) return false;
    throw new InputError(`Cannot write ${path}: expected a folder, found a file; choose another name`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw ioError("write", path, error);
  }
  try {
    Deno.mkdirSync(path, { recursive: true });
    return true;
  } catch (error) {
    throw ioError("write", join(dirname(resolve(path)), basename(path)), error);
  }
}

function removeEmpty(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* not empty, or gone: it stays as it is */ }
}
