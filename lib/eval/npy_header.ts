/** The header of NumPy's .npy files: a magic, a version, a length, and a Python dict in text. */

/** Types of numbers that are read and written here, by NumPy's names. */
export type NpyDtype = "float16" | "float32" | "float64" | "int8" | "int16" | "int32" | "int64" | "uint8" | "bool";

/** What a header says. */
export interface NpyHeader {
  /** Type of the numbers. */
  readonly dtype: NpyDtype;
  /** Length along each axis, rows first; empty for a single number. */
  readonly shape: readonly number[];
}

/** A header that was read, and where the numbers begin. */
export interface PlacedNpyHeader extends NpyHeader {
  /** First byte of the numbers in the file. */
  readonly dataStart: number;
}

/** Bytes of the headers written here: enough for any shape of two axes, so that the row count can be put in later. */
export const NPY_HEADER_BYTES = 128;

/** NumPy's letters for each type, little-endian. */
const LETTERS: Readonly<Record<NpyDtype, string>> = {
  float16: "f2",
  float32: "f4",
  float64: "f8",
  int8: "i1",
  int16: "i2",
  int32: "i4",
  int64: "i8",
  uint8: "u1",
  bool: "b1",
};

const MAGIC = "\x93NUMPY";
/** The longest header that is read. NumPy itself stops at 10,000 characters. */
const MOST_HEADER_BYTES = 1 << 20;
const MOST_AXES = 64;

/** Bytes of one number. */
export function npyItemBytes(dtype: NpyDtype): number {
  return Number(LETTERS[dtype][1]);
}

/** Numbers in an array of this shape. */
export function npyCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * The bytes of a header, version 1.0, row-major.
 *
 * @throws {TypeError} if the shape is too long for {@linkcode NPY_HEADER_BYTES}.
 *
 * @example
 * ```ts
 * import { npyHeaderBytes } from "./npy_header.ts";
 *
 * const text = new TextDecoder("latin1").decode(npyHeaderBytes({ dtype: "float32", shape: [3, 512] }));
 * console.assert(text.includes("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 512), }") && text.endsWith("\n"));
 * ```
 */
export function npyHeaderBytes({ dtype, shape }: NpyHeader): Uint8Array<ArrayBuffer> {
  const letters = LETTERS[dtype];
  const descr = `${letters[1] === "1" ? "|" : "<"}${letters}`;
  const lengths = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${lengths}), }`;
  const start = MAGIC.length + 4;
  if (start + text.length + 1 > NPY_HEADER_BYTES) throw new TypeError(`a .npy header for shape [${shape}] is too long`);
  const bytes = new Uint8Array(NPY_HEADER_BYTES).fill(0x20);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  bytes.set([1, 0], MAGIC.length);
  new DataView(bytes.buffer).setUint16(MAGIC.length + 2, NPY_HEADER_BYTES - start, true);
  for (let i = 0; i < text.length; i++) bytes[start + i] = text.charCodeAt(i);
  bytes[NPY_HEADER_BYTES - 1] = 0x0a;
  return bytes;
}

/**
 * Reads a header of version 1, 2 or 3.
 *
 * `read` gives bytes of the file by place; `fail` throws the error that names the file and the byte.
 */
export function readNpyHeader(
  size: number,
  read: (offset: number, length: number) => Uint8Array<ArrayBuffer>,
  fail: (what: string, offset: number) => never,
): PlacedNpyHeader {
  if (size < 12) fail(`expected a .npy header, found a file of ${size} bytes`, 0);
  const start = read(0, 12);
  const magic = String.fromCharCode(...start.subarray(0, MAGIC.length));
  if (magic !== MAGIC) fail("expected a .npy file, which begins with \\x93NUMPY, found other bytes", 0);
  const version = start[6];
  if (version < 1 || version > 3) fail(`expected .npy version 1 to 3, found ${version}`, 6);
  const view = new DataView(start.buffer);
  const textStart = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > Math.min(MOST_HEADER_BYTES, size - textStart)) {
    fail(`expected a header of at most ${Math.min(MOST_HEADER_BYTES, size - textStart)} bytes, found ${length}`, 8);
  }
  const text = new TextDecoder("latin1").decode(read(textStart, length));
  const dataStart = textStart + length;
  return { ...parse(text, (what) => fail(what, textStart)), dataStart };
}

function parse(text: string, fail: (what: string) => never): NpyHeader {
  const descr = /'descr'\s*:\s*(?:'([^']*)'|(\[))/.exec(text) ?? fail("expected 'descr' in the header, found none");
  if (descr[2] !== undefined) fail("expected numbers of one type, found a structured dtype");
  const found = descr[1];
  const entry = Object.entries(LETTERS).find(([, letters]) => letters === found.replace(/^[<|=]/, ""));
  if (entry === undefined || (found.startsWith("|") && !found.endsWith("1"))) {
    fail(`expected a dtype of ${Object.keys(LETTERS).join(", ")} (little-endian), found '${found.slice(0, 40)}'`);
  }
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(text)?.[1] ?? fail("expected 'fortran_order', found none");
  const lengths = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text)?.[1] ?? fail("expected 'shape' as a tuple, found none");
  const shape = lengths.split(",").map((length) => length.trim().replace(/L$/, "")).filter(Boolean).map(Number);
  if (shape.length > MOST_AXES || !shape.every(Number.isSafeInteger) || !Number.isSafeInteger(npyCount(shape))) {
    fail(`expected a shape of at most ${MOST_AXES} whole numbers, found (${lengths.slice(0, 80)})`);
  }
  if (order === "True" && shape.filter((length) => length > 1).length > 1) {
    fail("expected row-major numbers, found Fortran order (save numpy.ascontiguousarray of it)");
  }
  return { dtype: entry[0] as NpyDtype, shape };
}
