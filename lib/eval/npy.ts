import { AtomicFile, type AtomicFileOptions } from "../data/atomic_file.ts";
import { ByteFile } from "../data/byte_file.ts";
import { InputError } from "../errors.ts";
import {
  NPY_HEADER_BYTES,
  npyCount,
  type NpyDtype,
  type NpyHeader,
  npyHeaderBytes,
  npyItemBytes,
  readNpyHeader,
} from "./npy_header.ts";

export type { NpyDtype, NpyHeader } from "./npy_header.ts";

/** The numbers of an array. float16 are bit patterns in a Uint16Array, bool are 0 or 1 in a Uint8Array. */
export type NpyNumbers =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** An array as a .npy file holds it. */
export interface NpyArray extends NpyHeader {
  /** The numbers, row-major. */
  readonly data: NpyNumbers;
}

/** What a file must be to be of use. */
export interface NpyExpectation {
  /** The only type that is accepted. @default any that is read here */
  readonly dtype?: NpyDtype;
  /** The shape; `undefined` stands for any length of that axis. @default any */
  readonly shape?: readonly (number | undefined)[];
}

const ARRAYS = {
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

const ACTION = "read array";

/**
 * A .npy file, read by rows: its first axis. Nothing of it is kept, so that it may be larger than memory.
 *
 * @example
 * ```ts
 * import { NpyReader, writeNpy } from "./npy.ts";
 *
 * const path = Deno.makeTempFileSync();
 * writeNpy(path, Float32Array.of(1, 2, 3, 4, 5, 6), { shape: [3, 2], force: true });
 * {
 *   using file = NpyReader.open(path, { dtype: "float32", shape: [undefined, 2] });
 *   console.assert(file.rows === 3 && file.readRows(1, 2).join() === "3,4,5,6");
 * }
 * Deno.removeSync(path);
 * ```
 */
export class NpyReader implements NpyHeader, Disposable {
  /** Type of the numbers. */
  readonly dtype: NpyDtype;
  /** Length along each axis. */
  readonly shape: readonly number[];
  /** Length of the first axis; 1 for a single number. */
  readonly rows: number;
  /** Numbers in a row. */
  readonly rowSize: number;
  readonly #file: ByteFile;
  readonly #dataStart: number;

  private constructor(file: ByteFile, expected: NpyExpectation) {
    const header = readNpyHeader(
      file.size,
      (offset, length) => file.read(offset, length),
      (what, offset) => file.fail(what, offset),
    );
    const { dtype, shape, dataStart } = header;
    const bytes = npyCount(shape) * npyItemBytes(dtype);
    if (file.size - dataStart !== bytes) {
      const found = file.size - dataStart;
      file.fail(`expected ${bytes} bytes of ${dtype} for shape [${shape}], found ${found}`, dataStart);
    }
    if (expected.dtype !== undefined && expected.dtype !== dtype) {
      throw new InputError(
        `Cannot ${ACTION} ${file.path}: expected dtype ${expected.dtype}, found ${dtype}; convert it with astype`,
      );
    }
    const fits = expected.shape === undefined || (expected.shape.length === shape.length &&
      expected.shape.every((length, axis) => length === undefined || length === shape[axis]));
    if (!fits) {
      const wanted = expected.shape!.map((length) => length ?? "any").join(", ");
      throw new InputError(
        `Cannot ${ACTION} ${file.path}: expected shape [${wanted}], found [${shape.join(", ")}]; give another file`,
      );
    }
    this.#file = file;
    this.#dataStart = dataStart;
    this.dtype = dtype;
    this.shape = shape;
    this.rows = shape[0] ?? 1;
    this.rowSize = npyCount(shape.slice(1));
  }

  /**
   * Opens a file and checks its header and length.
   *
   * @throws {InputError} if it is missing, damaged, cut short, or not as `expected`.
   */
  static open(path: string, expected: NpyExpectation = {}): NpyReader {
    const file = ByteFile.open(path, ACTION);
    try {
      return new NpyReader(file, expected);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * The numbers of `count` rows from row `first` on.
   *
   * @throws {RangeError} if there are not so many.
   */
  readRows(first: number, count: number): NpyNumbers {
    if (!(first >= 0 && count >= 0 && first + count <= this.rows)) {
      throw new RangeError(`rows ${first} to ${first + count} of ${this.rows}`);
    }
    const rowBytes = this.rowSize * npyItemBytes(this.dtype);
    const bytes = this.#file.read(this.#dataStart + first * rowBytes, count * rowBytes);
    return new ARRAYS[this.dtype](bytes.buffer);
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Reads a whole .npy file.
 *
 * @throws {InputError} if it is missing, damaged, cut short, or not as `expected`.
 */
export function readNpy(path: string, expected: NpyExpectation = {}): NpyArray {
  using file = NpyReader.open(path, expected);
  return { dtype: file.dtype, shape: file.shape, data: file.readRows(0, file.rows) };
}

/** How a .npy file is written. */
export interface NpyOptions extends AtomicFileOptions {
  /** Type of the numbers. @default "float32" */
  readonly dtype?: NpyDtype;
}

/**
 * Writes a .npy file row by row; how many there are need not be known before. The file appears whole at `finish`, or not at all.
 *
 * @example
 * ```ts
 * import { NpyWriter, readNpy } from "./npy.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * {
 *   using file = NpyWriter.create(`${folder}/e.npy`, [2]);
 *   file.write(Float32Array.of(1, 2));
 *   file.write(Float32Array.of(3, 4, 5, 6));
 *   file.finish();
 * }
 * console.assert(readNpy(`${folder}/e.npy`).shape.join() === "3,2");
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export class NpyWriter implements Disposable {
  readonly #file: AtomicFile;
  readonly #dtype: NpyDtype;
  readonly #rowShape: readonly number[];
  #count = 0;

  private constructor(file: AtomicFile, dtype: NpyDtype, rowShape: readonly number[]) {
    this.#file = file;
    this.#dtype = dtype;
    this.#rowShape = rowShape;
    file.write(new Uint8Array(NPY_HEADER_BYTES));
  }

  /**
   * Opens a file whose rows have this shape: [512] for embeddings, [] for single numbers.
   *
   * @throws {InputError} if it exists and `force` is not given, or cannot be written.
   */
  static create(path: string, rowShape: readonly number[], options: NpyOptions = {}): NpyWriter {
    const { dtype = "float32", force } = options;
    return new NpyWriter(AtomicFile.create(path, { force }), dtype, rowShape);
  }

  /** Whole rows written so far. */
  get rows(): number {
    return this.#count / npyCount(this.#rowShape);
  }

  /**
   * Appends numbers: any count of rows, also parts of one.
   *
   * @throws {TypeError} if they are of another type.
   */
  write(numbers: NpyNumbers): void {
    checkNumbers(this.#dtype, numbers);
    this.#file.write(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
    this.#count += numbers.length;
  }

  /**
   * Puts the row count into the header and the file in place.
   *
   * @throws {TypeError} if the last row is not whole.
   */
  finish(): void {
    if (!Number.isInteger(this.rows)) throw new TypeError(`the last row of ${this.#file.path} is not whole`);
    this.#file.patch(0, npyHeaderBytes({ dtype: this.#dtype, shape: [this.rows, ...this.#rowShape] }));
    this.#file.commit();
  }

  /** Gives up: nothing of it stays. Does nothing after `finish`. */
  abort(): void {
    this.#file.abort();
  }

  /** Gives up what was not finished. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

/** How an array in memory is written. */
export interface NpyArrayOptions extends NpyOptions {
  /** Length along each axis. @default one axis */
  readonly shape?: readonly number[];
}

/**
 * Writes an array as a .npy file, in one step.
 *
 * @throws {InputError} if it exists and `force` is not given, or cannot be written.
 * @throws {TypeError} if shape, dtype and array do not agree.
 */
export function writeNpy(path: string, data: NpyNumbers, options: NpyArrayOptions = {}): void {
  const { dtype = "float32", shape = [data.length], force } = options;
  checkNumbers(dtype, data);
  if (npyCount(shape) !== data.length) {
    throw new TypeError(`shape [${shape}] does not go with ${data.length} numbers`);
  }
  using file = AtomicFile.create(path, { force });
  file.write(npyHeaderBytes({ dtype, shape }));
  file.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  file.commit();
}

function checkNumbers(dtype: NpyDtype, numbers: NpyNumbers): void {
  if (numbers instanceof ARRAYS[dtype]) return;
  throw new TypeError(`dtype ${dtype} does not go with ${(numbers as object)?.constructor.name}`);
}
