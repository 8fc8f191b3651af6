import { dirname, join } from "node:path";
import { InputError } from "../errors.ts";
import { decodeImageRecord, IMAGE_HEADER_BYTES, isRangeRecord } from "./image_record.ts";
import type { ImageSource } from "./image_source.ts";
import { readProperty } from "./property.ts";
import { RecordReader } from "./record_reader.ts";
import type { TrainingSet } from "./training_set.ts";

/** A float32 holds every whole number up to here; record 0 counts in float32. */
const FLOAT32_WHOLE = 2 ** 24;
/** Header, two labels, and one byte that a range record does not have. */
const RANGE_START_BYTES = IMAGE_HEADER_BYTES + 8 + 1;

/**
 * A face training set in RecordIO: train.rec, train.idx, property.
 *
 * With a record 0 that says (L0, L1), the images are keys 1 … L0-1 and keys L0 … L1-1 are identity records. Without one,
 * every key is an image. Sample i is the image with the i-th smallest key; its class is in its record.
 */
export class RecordSet implements TrainingSet {
  /** The path as the user gave it. */
  readonly name: string;
  /** Number of samples. */
  readonly size: number;
  /** Number of classes. */
  readonly classes: number;
  /** Height and width written in `property`, where there is one. */
  readonly imageSize: readonly [number, number] | undefined;
  /** The records. */
  readonly reader: RecordReader;
  /** Number of identity records: 0 where there is no record 0. */
  readonly identities: number;
  /** Does `property` say how many classes there are? */
  readonly hasProperty: boolean;
  /** The index entry of sample 0: 1 behind a record 0. */
  readonly #firstEntry: number;

  private constructor(name: string, reader: RecordReader) {
    const property = readProperty(join(dirname(reader.path), "property"));
    const range = readRange(reader);
    this.name = name;
    this.reader = reader;
    this.#firstEntry = range === undefined ? 0 : 1;
    this.size = range === undefined ? reader.index.size : range.images;
    this.identities = range?.identities ?? 0;
    this.hasProperty = property !== undefined;
    this.imageSize = property && [property.height, property.width];
    this.classes = property?.classes ?? (this.identities || this.#countClasses());
  }

  /**
   * Opens a .rec file, or the train.rec of a folder, with the index and the property beside it.
   *
   * Without property the number of classes is that of the identity records, else one more than the greatest label.
   *
   * @throws {InputError} if a file is missing or damaged, or record 0 does not fit the keys.
   */
  static open(path: string): RecordSet {
    const reader = RecordReader.open(isFolder(path) ? join(path, "train.rec") : path);
    try {
      return new RecordSet(path, reader);
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  /** The key of sample `i`. */
  key(i: number): number {
    return this.reader.index.keyAt(this.#entry(i));
  }

  /** Where sample `i` is. */
  source(i: number): ImageSource {
    return { kind: "record", path: this.reader.path, offset: this.reader.index.offsetAt(this.#entry(i)) };
  }

  /** Sample `i` in words. */
  sampleName(i: number): string {
    return `key ${this.key(i)}`;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.reader.close();
  }

  #entry(i: number): number {
    if (!(i >= 0 && i < this.size)) throw new RangeError(`sample ${i} of ${this.size}`);
    return this.#firstEntry + i;
  }

  /** One more than the greatest label, from the headers alone. */
  #countClasses(): number {
    let greatest = -1;
    for (let i = 0; i < this.size; i++) {
      // A second label cannot matter: the first is the class.
      const start = this.reader.readStart(this.key(i), IMAGE_HEADER_BYTES + 4);
      if (start.length < IMAGE_HEADER_BYTES) continue; // what is no image record is reported where it is read
      const view = new DataView(start.buffer);
      const inHeader = view.getUint32(0, true) === 0 || start.length < IMAGE_HEADER_BYTES + 4;
      const label = view.getFloat32(inHeader ? 4 : IMAGE_HEADER_BYTES, true);
      if (Number.isInteger(label) && label > greatest) greatest = label;
    }
    if (greatest >= 0) return greatest + 1;
    throw new InputError(
      `Cannot open training set ${this.name}: expected labels of 0 or more, found none in ${this.size} records`,
    );
  }
}

/** The images and identities that record 0 counts; undefined where there is no such record. */
function readRange(reader: RecordReader): { images: number; identities: number } | undefined {
  if (!reader.has(0)) return undefined;
  const record = decodeImageRecord(reader.read(0), `key 0 of ${reader.path}`);
  if (!isRangeRecord(record)) return undefined;
  const { index } = reader;
  const first = exactFirst(reader, record.labels[0]);
  const end = record.labels[1] < FLOAT32_WHOLE ? record.labels[1] : Math.max(first, index.keyAt(index.size - 1) + 1);
  if (!Number.isInteger(first) || !Number.isInteger(end) || first < 2 || end < first) {
    throw new InputError(
      `Cannot open training set ${reader.path}: expected record 0 to say where images and identities end, ` +
        `found (${record.labels.join(", ")}); the file is damaged`,
    );
  }
  if (index.find(first - 1) !== first - 1) {
    throw new InputError(
      `Cannot open training set ${reader.path}: expected keys 1 to ${first - 1} as record 0 says, ` +
        `found ${index.size} keys up to ${
          index.keyAt(index.size - 1)
        }; the file is cut short or its index is of another`,
    );
  }
  return { images: first - 1, identities: end - first };
}

/** From 2^24 on a float32 rounds: the first identity record itself then says where the images end. */
function exactFirst(reader: RecordReader, rounded: number): number {
  let first = rounded;
  if (!(rounded >= FLOAT32_WHOLE)) return first;
  while (isRangeKey(reader, first - 1) === true) first--;
  while (isRangeKey(reader, first) === false) first++;
  return first;
}

/** Is this key a range record? undefined where there is none. */
function isRangeKey(reader: RecordReader, key: number): boolean | undefined {
  if (!reader.has(key)) return undefined;
  const start = reader.readStart(key, RANGE_START_BYTES);
  return start.length === RANGE_START_BYTES - 1 && new DataView(start.buffer).getUint32(0, true) === 2;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false; // opening it says why
  }
}
