import { InputError } from "../errors.ts";
import { ioError } from "./io_error.ts";
import { PART_HEADER_BYTES } from "./record_format.ts";
import { RecordIndexRows } from "./record_index_rows.ts";

const READ_BYTES = 1 << 20;
const TAB = 9, LINE_FEED = 10, CARRIAGE_RETURN = 13, SPACE = 32, ZERO = 48, NINE = 57;

/**
 * Where the records of a file are: keys and byte offsets, in ascending order of the keys.
 *
 * Held in typed arrays: 8 bytes an entry while the keys are consecutive, 12 when they ascend, 16 in any other order.
 *
 * @example
 * ```ts
 * import { RecordIndex } from "./record_index.ts";
 *
 * const index = RecordIndex.from([[7, 0], [3, 40]]);
 * console.assert(index.keyAt(0) === 3 && index.offsetAt(index.find(7)!) === 0);
 * ```
 */
export class RecordIndex {
  /** Number of records. */
  readonly size: number;
  /** The .idx file the index was read from; undefined when it was rebuilt by scanning. */
  readonly path: string | undefined;
  readonly #rows: RecordIndexRows;
  /** Rows in ascending order of their keys; undefined while the rows themselves ascend. */
  readonly #order: Uint32Array | undefined;

  /** Takes over the rows. @throws {InputError} if a key occurs twice. */
  constructor(rows: RecordIndexRows, path?: string) {
    this.size = rows.size;
    this.path = path;
    this.#rows = rows;
    this.#order = rows.ascending ? undefined : rows.sortedByKey();
    this.#refuseRepeatedKeys();
  }

  /** An index of the given `[key, offset]` entries. */
  static from(entries: Iterable<readonly [key: number, offset: number]>): RecordIndex {
    const rows = new RecordIndexRows();
    for (const [key, offset] of entries) rows.add(key, offset);
    return new RecordIndex(rows);
  }

  /**
   * Reads an .idx file: `key<white space>offset` per line, keys in any order.
   *
   * @param path the .idx file
   * @param recordPath the record file it belongs to, for messages
   * @param recordBytes the size of that file: no offset may point past it
   * @throws {InputError} with file and line, for a line of another form, an offset past the end, or a repeated key.
   */
  static read(path: string, recordPath: string, recordBytes: number): RecordIndex {
    const rows = new RecordIndexRows();
    try {
      using file = Deno.openSync(path, { read: true });
      parse(file, rows, path, recordPath, recordBytes);
    } catch (error) {
      throw ioError("read the index", path, error);
    }
    if (rows.size === 0 && recordBytes > 0) {
      throw new InputError(`Cannot read the index ${path}: expected "key offset" lines, found none; ${REBUILD}`);
    }
    return new RecordIndex(rows, path);
  }

  /** The key of entry `i` (0 … size-1), ascending. */
  keyAt(i: number): number {
    return this.#rows.key(this.#row(i));
  }

  /** The byte offset of entry `i`. */
  offsetAt(i: number): number {
    return this.#rows.offset(this.#row(i));
  }

  /** The line of entry `i` in the .idx file, counted from 1; without a file, its place in the record file. */
  lineAt(i: number): number {
    return this.#row(i) + 1;
  }

  /** The entry that has this key. */
  find(key: number): number | undefined {
    const first = this.size === 0 ? 0 : this.keyAt(0);
    if (this.#rows.consecutive) return key >= first && key < first + this.size ? key - first : undefined;
    let low = 0, high = this.size - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.keyAt(middle);
      if (found === key) return middle;
      if (found < key) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  /** All keys, ascending. */
  *keys(): IterableIterator<number> {
    for (let i = 0; i < this.size; i++) yield this.keyAt(i);
  }

  #row(i: number): number {
    return this.#order === undefined ? i : this.#order[i];
  }

  #refuseRepeatedKeys(): void {
    if (this.#order === undefined) return; // strictly ascending rows cannot repeat
    for (let i = 1; i < this.size; i++) {
      if (this.keyAt(i) !== this.keyAt(i - 1)) continue;
      throw new InputError(
        `Cannot read the index ${this.path ?? ""}: key ${this.keyAt(i)} stands on line ${
          this.lineAt(i - 1)
        } and again ` +
          `on line ${this.lineAt(i)}; ${REBUILD}`,
      );
    }
  }
}

/** What to do about an index that cannot be used. */
export const REBUILD = "remove the .idx file to have it rebuilt from the records";

/** A byte at a time: forty million lines must not become forty million strings. */
function parse(file: Deno.FsFile, rows: RecordIndexRows, path: string, recordPath: string, recordBytes: number): void {
  const buffer = new Uint8Array(READ_BYTES);
  // What a line has shown so far: 0 nothing, 1 the key, 2 space after it, 3 the offset, 4 space after it.
  let state = 0, key = 0, offset = 0, line = 1, blank = 0;

  const endLine = () => {
    if (state === 0) {
      blank ||= line;
    } else {
      if (blank > 0) throw badLine(path, blank, "an empty line");
      if (state < 3) throw badLine(path, line, `"${key}" alone`);
      if (offset > recordBytes - PART_HEADER_BYTES || offset % 4 !== 0) {
        const fault = offset % 4 === 0 || offset > recordBytes
          ? "past the end"
          : "not a multiple of 4 as all records are";
        throw new InputError(
          `Cannot use the index ${path}: line ${line} (key ${key}) points to byte ${offset} of ${recordPath}, ${fault}; ` +
            `the file has ${recordBytes} bytes; ${REBUILD}`,
        );
      }
      rows.add(key, offset);
    }
    state = key = offset = 0;
    line++;
  };

  for (;;) {
    const count = file.readSync(buffer);
    if (count === null) break;
    for (let at = 0; at < count; at++) {
      const byte = buffer[at];
      if (byte >= ZERO && byte <= NINE) {
        if (state <= 1) {
          key = key * 10 + (byte - ZERO);
          if (key > 0xffffffff) throw badLine(path, line, "a key of 2^32 or more");
          state = 1;
        } else if (state <= 3) {
          offset = offset * 10 + (byte - ZERO);
          if (offset > Number.MAX_SAFE_INTEGER) throw badLine(path, line, "an offset of 2^53 or more");
          state = 3;
        } else {
          throw badLine(path, line, "a third number");
        }
      } else if (byte === LINE_FEED) {
        endLine();
      } else if (byte === TAB || byte === SPACE || byte === CARRIAGE_RETURN) {
        if (state === 1 || state === 3) state++;
      } else {
        throw badLine(path, line, `the byte 0x${byte.toString(16).padStart(2, "0")}`);
      }
    }
  }
  if (state !== 0) endLine();
}

function badLine(path: string, line: number, found: string): InputError {
  return new InputError(
    `Cannot read the index ${path}: expected "key offset" on line ${line}, found ${found}; ${REBUILD}`,
  );
}
