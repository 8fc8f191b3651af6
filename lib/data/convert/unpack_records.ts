import { resolve } from "node:path";
import { InputError } from "../../errors.ts";
import { decodeImageRecord } from "../image_record.ts";
import { RecordSet } from "../record_set.ts";
import { type ConvertOptions, PROGRESS_STEP } from "./convert_options.ts";
import { OutputFolder } from "./output_folder.ts";

/** What unpackRecords() did. */
export interface UnpackedRecords {
  /** Images written. */
  images: number;
  /** Different classes among them. */
  classes: number;
  /** Did it continue an interrupted conversion? */
  resumed: boolean;
}

/**
 * Unpacks a RecordIO training set into `images/%08d.jpg`, label.txt and README.md: `convert rec`.
 *
 * Each file holds its record's image bytes as they are and has the record's key as its number, so images count from 1
 * in a set with a record 0, as in the published data. PNG bytes keep the name of the layout. Labels keep their values.
 *
 * One thread writes: two that make files in one folder wait for each other (measured: 2.7 times slower than one).
 *
 * @param source a .rec file, or a folder with a train.rec
 * @param out the folder to make
 * @throws {InputError} if the source is damaged, a label is not below `property`'s classes, or `out` cannot be written.
 */
export function unpackRecords(source: string, out: string, options: ConvertOptions = {}): UnpackedRecords {
  using set = RecordSet.open(source);
  using folder = OutputFolder.open(out, {
    source: describe(set),
    entries: ["images", "label.txt", "README.md"],
    force: options.force,
  });
  try {
    folder.makeFolder("images");
    const classes = writeImages(set, folder, options);
    const summary = { images: set.size, classes, resumed: folder.resumed };
    folder.write("README.md", new TextEncoder().encode(`num_image: ${set.size}\nnum_classes: ${classes}\n`));
    folder.finish();
    return summary;
  } catch (error) {
    folder.abort();
    throw error;
  }
}

/** A source is the same while its file has the same place, size and time. */
function describe(set: RecordSet): string {
  const { path, size } = set.reader;
  return JSON.stringify({ source: resolve(path), bytes: size, modified: Deno.statSync(path).mtime, images: set.size });
}

/** Writes the images in the order of their keys, and label.txt; the number of different classes. */
function writeImages(set: RecordSet, folder: OutputFolder, { onProgress }: ConvertOptions): number {
  const list = folder.create("label.txt");
  const seen = new Set<number>();
  const { index, path } = set.reader;
  for (let i = 0; i < set.size; i++) {
    const key = set.key(i);
    const { image, labels } = decodeImageRecord(set.reader.borrow(key), `key ${key} of ${path}`);
    const label = labels[0];
    if (!Number.isInteger(label) || label < 0 || label >= set.classes) {
      throw new InputError(
        `Cannot convert key ${key} of ${path} (byte ${index.offsetAt(index.find(key)!)}): expected a label from 0 to ` +
          `${set.classes - 1}, found ${label}; correct the property file or the record`,
      );
    }
    seen.add(label);
    const name = `images/${String(key).padStart(8, "0")}.jpg`;
    folder.write(name, image);
    list.write(`${name}\t${label}\n`);
    if (i % PROGRESS_STEP === 0) onProgress?.(i, set.size);
  }
  list.finish();
  onProgress?.(set.size, set.size);
  return seen.size;
}
