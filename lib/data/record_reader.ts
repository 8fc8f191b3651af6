import { InputError } from "../errors.ts";
import { exists } from "./exists.ts";
import { indexPathOf, PART, PART_HEADER_BYTES, RECORD_LENGTH_LIMIT, RECORD_MAGIC } from "./record_format.ts";
import { REBUILD, RecordIndex } from "./record_index.ts";
import { scanRecordIndex } from "./record_scan.ts";
import { RecordWindow } from "./record_window.ts";

/** How a record file is opened. */
export interface RecordReaderOptions {
  /** The index. @default {"the .rec file's name with .idx"} */
  indexPath?: string;
}

/** A record read by its place. */
export interface PlacedRecord {
  /** Where it begins in the file. */
  offset: number;
  /** The whole payload, parts joined; the caller's own. */
  payload: Uint8Array;
}

/** What readAt() gives. */
export interface RecordAt {
  /** The whole payload, parts joined; the caller's own. */
  payload: Uint8Array;
  /** Where the next record begins: the file's size after the last one. */
  next: number;
}

/** Fetched with a header when a record is read by its place: most face images fit. */
const RANDOM_AHEAD = 16 << 10;
/** Fetched with the last bytes of a record that is passed over: the next one's headers. */
const SCAN_AHEAD = 64;
/** Fetched at once when records are read one after the other. */
const SEQUENTIAL_AHEAD = 1 << 20;

/**
 * Reads a RecordIO file (.rec) by key, by offset, or from beginning to end.
 *
 * Reading is by position: a file of 100 GB takes no more memory than one of 100 kB. Beside `X.rec` the index `X.idx` is
 * used, read when it is first needed; where there is none it is rebuilt in memory from the records.
 *
 * A payload is returned only if its parts are consistent: each begins with the magic, none contains it where it should
 * have been split, the padding is zero, and a record (or the end, or a hole of a sparse file) follows. So a damaged
 * length is an InputError, not wrong data.
 *
 * @example
 * ```ts
 * import { RecordReader } from "./record_reader.ts";
 * import { RecordWriter } from "./record_writer.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * const path = `${folder}/a.rec`;
 * const writer = RecordWriter.create(path);
 * writer.write(5, new Uint8Array([1, 2, 3]));
 * writer.finish();
 *
 * const reader = RecordReader.open(path);
 * console.assert(reader.read(5)[2] === 3);
 * for (const { offset, payload } of reader.records()) console.assert(offset === 0 && payload.length === 3);
 * reader.close();
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export class RecordReader implements Disposable {
  /** The file. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  readonly #window: RecordWindow;
  readonly #indexPath: string | undefined;
  #index: RecordIndex | undefined;

  private constructor(window: RecordWindow, indexPath: string | undefined) {
    this.path = window.path;
    this.size = window.size;
    this.#window = window;
    this.#indexPath = indexPath;
  }

  /**
   * Opens a record file.
   *
   * @throws {InputError} if it is missing, empty, or does not begin with a record.
   */
  static open(path: string, options: RecordReaderOptions = {}): RecordReader {
    const window = new RecordWindow(path);
    const reader = new RecordReader(window, options.indexPath);
    try {
      if (window.size === 0) {
        throw new InputError(`Cannot read records of ${path}: expected records, found an empty file`);
      }
      reader.#header(0, 0, RANDOM_AHEAD);
    } catch (error) {
      reader.close();
      throw error;
    }
    return reader;
  }

  /**
   * Where the records are.
   *
   * @throws {InputError} if the .idx file is damaged or of another file, or a record is while the index is rebuilt.
   */
  get index(): RecordIndex {
    return this.#index ??= this.#readIndex();
  }

  /** All keys, ascending. */
  keys(): Iterable<number> {
    return this.index.keys();
  }

  /** Is there a record with this key? */
  has(key: number): boolean {
    return this.index.find(key) !== undefined;
  }

  /**
   * The payload of the record with this key.
   *
   * @throws {InputError} if there is no such key, or the record is damaged.
   */
  read(key: number): Uint8Array {
    return this.#readKey(key, false);
  }

  /**
   * The same without a copy where that can be: the bytes are valid until the next call of any method. For passing over
   * millions of records without giving the memory manager work.
   *
   * @throws {InputError} if there is no such key, or the record is damaged.
   */
  borrow(key: number): Uint8Array {
    return this.#readKey(key, true);
  }

  /**
   * The first bytes of the record with this key, at most `length` of them, at most those of its first part. Costs no
   * more than reading these bytes: for image record headers.
   *
   * @throws {InputError} if there is no such key, or no record is there.
   */
  readStart(key: number, length: number): Uint8Array {
    const offset = this.index.offsetAt(this.#entry(key));
    const header = this.#header(offset, offset, PART_HEADER_BYTES + length);
    const bytes = new Uint8Array(Math.min(length, header.length));
    this.#window.copy(offset + PART_HEADER_BYTES, bytes);
    return bytes;
  }

  /**
   * The record at a byte offset, and where the next begins.
   *
   * @throws {InputError} naming file and offset, if no whole, sound record is there.
   */
  readAt(offset: number): RecordAt {
    return this.#read(offset, RANDOM_AHEAD, true, false);
  }

  /**
   * All records in the order of the file. The index is not needed for it.
   *
   * @throws {InputError} naming file and offset, where one is damaged.
   */
  *records(): IterableIterator<PlacedRecord> {
    for (let offset = 0; offset < this.size;) {
      const { payload, next } = this.#read(offset, SEQUENTIAL_AHEAD, false, false);
      yield { offset, payload };
      offset = next;
    }
  }

  /** Closes the file. */
  close(): void {
    this.#window[Symbol.dispose]();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }

  #readKey(key: number, mayBorrow: boolean): Uint8Array {
    const entry = this.#entry(key);
    const { index } = this;
    try {
      return this.#read(index.offsetAt(entry), RANDOM_AHEAD, true, mayBorrow).payload;
    } catch (error) {
      if (!(error instanceof InputError) || index.path === undefined) throw error;
      throw new InputError(
        `${error.message}; that is where ${index.path} line ${
          index.lineAt(entry)
        } has key ${key}: if the index is of ` +
          `another file, ${REBUILD}`,
      );
    }
  }

  #entry(key: number): number {
    const entry = this.index.find(key);
    if (entry !== undefined) return entry;
    const { index } = this;
    const range = index.size === 0
      ? "no keys"
      : `${index.size} keys from ${index.keyAt(0)} to ${index.keyAt(index.size - 1)}`;
    throw new InputError(`Cannot read key ${key} of ${this.path}: expected one of its keys, found ${range}`);
  }

  #readIndex(): RecordIndex {
    const path = this.#indexPath ?? indexPathOf(this.path);
    if (this.#indexPath === undefined && !exists(path)) return this.#scan();
    return RecordIndex.read(path, this.path, this.size);
  }

  #scan(): RecordIndex {
    return scanRecordIndex({
      size: this.size,
      start: (offset, length) => {
        const header = this.#header(offset, offset, PART_HEADER_BYTES + length);
        return this.#window.peek(offset + PART_HEADER_BYTES, Math.min(length, header.length), length)!;
      },
      next: (offset) => this.#measure(offset, SCAN_AHEAD, false).next,
    });
  }

  #read(offset: number, ahead: number, checkNext: boolean, mayBorrow: boolean): RecordAt {
    const { length, next } = this.#measure(offset, ahead, true);
    if (checkNext) this.#checkNext(offset, next);
    let part = this.#header(offset, offset, ahead);
    if (mayBorrow && part.kind === PART.whole) {
      const borrowed = this.#window.peek(offset + PART_HEADER_BYTES, length, ahead);
      if (borrowed !== undefined) return { payload: borrowed, next };
    }
    const payload = new Uint8Array(length);
    this.#window.copy(offset + PART_HEADER_BYTES, payload.subarray(0, part.length));
    for (let at = offset, filled = part.length; part.kind === PART.first || part.kind === PART.middle;) {
      at += PART_HEADER_BYTES + part.length;
      part = this.#header(offset, at, ahead);
      new DataView(payload.buffer).setUint32(filled, RECORD_MAGIC, true);
      this.#window.copy(at + PART_HEADER_BYTES, payload.subarray(filled + 4, filled + 4 + part.length));
      filled += 4 + part.length;
    }
    return { payload, next };
  }

  /** Walks a record's parts: its payload's length, known to lie in the file, and where the next record begins. */
  #measure(offset: number, ahead: number, whole: boolean): { length: number; next: number } {
    let length = 0;
    for (let at = offset;;) {
      const part = this.#header(offset, at, ahead);
      const isFirst = part.kind === PART.whole || part.kind === PART.first;
      const isLast = part.kind === PART.whole || part.kind === PART.last;
      if (isFirst !== (at === offset)) {
        throw this.#damaged(offset, at, isFirst ? "a further part" : "a record's first part", `part kind ${part.kind}`);
      }
      if (!isLast && part.length % 4 !== 0) {
        throw this.#damaged(offset, at, "a part's length to be a multiple of 4", String(part.length));
      }
      length += part.length + (isFirst ? 0 : 4);
      if (length >= RECORD_LENGTH_LIMIT) {
        throw this.#damaged(offset, at, "a record of less than 2^29 bytes", "more");
      }
      const end = at + PART_HEADER_BYTES + part.length;
      if (whole) {
        // the part, its padding and the next header at once, where they fit: nothing below then reads again
        this.#window.peek(at, Math.min(end + 3 + PART_HEADER_BYTES, this.size) - at, ahead);
        const magic = this.#window.findMagic(at + PART_HEADER_BYTES, part.length, ahead);
        if (magic !== undefined) {
          throw this.#damaged(
            offset,
            magic,
            `data, as the part at byte ${at} is ${part.length} bytes long`,
            "the magic",
          );
        }
      }
      if (!isLast) {
        at = end;
        continue;
      }
      const padding = (4 - part.length % 4) % 4;
      if (end + padding > this.size) throw this.#damaged(offset, end, `${padding} bytes of padding`, "the file's end");
      if (padding > 0 && this.#window.u32(end + padding - 4, ahead) >>> (8 * (4 - padding)) !== 0) {
        throw this.#damaged(offset, end, "padding of zeros", "other bytes");
      }
      return { length, next: end + padding };
    }
  }

  /** Reads a part's header at `at`, of the record at `offset`; the part lies within the file. */
  #header(offset: number, at: number, ahead: number): { kind: number; length: number } {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset % 4 !== 0) {
      throw this.#damaged(offset, at, "an offset that is a multiple of 4", String(offset));
    }
    const room = this.size - at - PART_HEADER_BYTES;
    if (room < 0) throw this.#damaged(offset, at, "a header of 8 bytes", `the file's end at byte ${this.size}`);
    const magic = this.#window.u32(at, ahead);
    if (magic !== RECORD_MAGIC) {
      throw this.#damaged(offset, at, "magic 0xced7230a", hex(magic));
    }
    const word = this.#window.u32(at + 4, ahead);
    const kind = word >>> 29, length = word & (RECORD_LENGTH_LIMIT - 1);
    if (kind > PART.last) throw this.#damaged(offset, at, "part kind 0 to 3", String(kind));
    if (length > room) {
      throw this.#damaged(offset, at, `${length} bytes of data`, `${room} up to the file's end at byte ${this.size}`);
    }
    return { kind, length };
  }

  /**
   * A length that was damaged downwards shows in what follows. Zeros may follow, as a hole of a sparse file reads as
   * zeros; and a record whose magic alone is damaged: that is the other's fault, seen by its length leading to a record.
   */
  #checkNext(offset: number, next: number): void {
    if (next + PART_HEADER_BYTES > this.size) return;
    const magic = this.#window.u32(next, PART_HEADER_BYTES);
    const word = this.#window.u32(next + 4, PART_HEADER_BYTES);
    const kind = word >>> 29;
    if (magic === RECORD_MAGIC ? kind <= PART.first : magic === 0) return;
    if (magic !== RECORD_MAGIC && kind <= PART.first) {
      const length = word & (RECORD_LENGTH_LIMIT - 1);
      const end = next + PART_HEADER_BYTES + length + (4 - length % 4) % 4;
      if (end === this.size || (end + 4 <= this.size && this.#window.u32(end, 4) === RECORD_MAGIC)) return;
    }
    throw this.#damaged(
      offset,
      next,
      "the next record where this one ends",
      magic === RECORD_MAGIC ? `part kind ${kind}` : hex(magic),
    );
  }

  #damaged(offset: number, at: number, expected: string, found: string): InputError {
    const place = at === offset ? "" : ` at byte ${at}`;
    return new InputError(
      `Cannot read the record at byte ${offset} of ${this.path}: expected ${expected}${place}, found ${found}; ` +
        `the file is damaged or cut short`,
    );
  }
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, "0")}`;
}
