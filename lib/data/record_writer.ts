import { InputError } from "../errors.ts";
import { AtomicFile } from "./atomic_file.ts";
import { indexPathOf, PART, PART_HEADER_BYTES, RECORD_LENGTH_LIMIT, RECORD_MAGIC } from "./record_format.ts";

/** How a record file is made. */
export interface RecordWriterOptions {
  /** The index. @default {"the .rec file's name with .idx"} */
  indexPath?: string;
  /** Replace files that are there already. @default {false} */
  force?: boolean;
}

const BUFFER_BYTES = 1 << 20;

/**
 * Writes a RecordIO file and its index. Both appear at finish() and not before.
 *
 * @example
 * ```ts
 * import { RecordWriter } from "./record_writer.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * using writer = RecordWriter.create(`${folder}/a.rec`);
 * console.assert(writer.write(0, new Uint8Array(5)) === 0);
 * console.assert(writer.write(1, new Uint8Array(5)) === 16); // 8 of header, 5, 3 of padding
 * writer.finish();
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export class RecordWriter implements Disposable {
  readonly #records: AtomicFile;
  readonly #index: AtomicFile;
  readonly #force: boolean;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  #buffered = 0;
  #lines = "";

  private constructor(records: AtomicFile, index: AtomicFile, force: boolean) {
    this.#records = records;
    this.#index = index;
    this.#force = force;
  }

  /**
   * Opens both temporary files.
   *
   * @throws {InputError} if a file exists and `force` is not set, or the place cannot be written.
   */
  static create(path: string, options: RecordWriterOptions = {}): RecordWriter {
    const { indexPath = indexPathOf(path), force = false } = options;
    const records = AtomicFile.create(path, { force });
    try {
      return new RecordWriter(records, AtomicFile.create(indexPath, { force }), force);
    } catch (error) {
      records.abort();
      throw error;
    }
  }

  /**
   * Appends a record; returns the offset it begins at. Keys are to differ from each other, in any order.
   *
   * @throws {InputError} if the payload is too long or the disk is full; nothing is left behind then.
   */
  write(key: number, payload: Uint8Array): number {
    if (!Number.isInteger(key) || key < 0 || key > 0xffffffff) {
      throw new RangeError(`a record's key is a whole number from 0 to 2^32 - 1, not ${key}`);
    }
    if (payload.length >= RECORD_LENGTH_LIMIT) {
      throw new InputError(
        `Cannot write record ${key} of ${this.#records.path}: expected less than 2^29 bytes, found ${payload.length}`,
      );
    }
    const offset = this.#records.size + this.#buffered;
    this.#attempt(() => {
      this.#writeParts(payload);
      this.#lines += `${key}\t${offset}\n`;
      if (this.#lines.length > BUFFER_BYTES) this.#flushLines();
    });
    return offset;
  }

  /** Hands all that was written to the system: a full disk shows now. Nothing has its name yet. */
  flush(): void {
    this.#attempt(() => {
      this.#flush();
      this.#flushLines();
    });
  }

  /** Brings both files to the disk and gives them their names: the index first, so records never stand beside an older one. */
  finish(): void {
    this.flush();
    this.#attempt(() => {
      if (this.#force) remove(this.#records.path);
      this.#index.commit();
      this.#records.commit();
    });
  }

  /** Removes the temporary files. Nothing happens after finish(). */
  abort(): void {
    this[Symbol.dispose]();
  }

  /** Gives up what was not finished. */
  [Symbol.dispose](): void {
    this.#records[Symbol.dispose]();
    this.#index[Symbol.dispose]();
  }

  /** A payload that holds the magic at a multiple of 4 is split there, the magic left out: a reader can find records by it. */
  #writeParts(payload: Uint8Array): void {
    let begin = 0;
    for (const at of magicPlaces(payload)) {
      this.#writePart(begin === 0 ? PART.first : PART.middle, payload.subarray(begin, at));
      begin = at + 4;
    }
    this.#writePart(begin === 0 ? PART.whole : PART.last, payload.subarray(begin));
    this.#append(new Uint8Array((4 - payload.length % 4) % 4));
  }

  #writePart(kind: number, bytes: Uint8Array): void {
    const header = new DataView(new ArrayBuffer(PART_HEADER_BYTES));
    header.setUint32(0, RECORD_MAGIC, true);
    header.setUint32(4, (kind << 29 | bytes.length) >>> 0, true);
    this.#append(new Uint8Array(header.buffer));
    this.#append(bytes);
  }

  #append(bytes: Uint8Array): void {
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.#flush();
    if (bytes.length > BUFFER_BYTES) {
      this.#records.write(bytes);
    } else {
      this.#buffer.set(bytes, this.#buffered);
      this.#buffered += bytes.length;
    }
  }

  #flush(): void {
    if (this.#buffered > 0) this.#records.write(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #flushLines(): void {
    if (this.#lines !== "") this.#index.write(new TextEncoder().encode(this.#lines));
    this.#lines = "";
  }

  /** What fails takes both temporary files along. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.abort();
      throw error;
    }
  }
}

/** Multiples of 4 at which the magic stands in the payload. */
function* magicPlaces(payload: Uint8Array): Iterable<number> {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  for (let at = 0; at + 4 <= payload.length; at += 4) {
    if (view.getUint32(at, true) === RECORD_MAGIC) yield at;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* not there */ }
}
