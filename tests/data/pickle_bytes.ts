/** Puts pickles together by hand for the tests: instructions as numbers, characters and lines. */

/** A piece of a pickle: opcodes and text as a string of latin-1 characters, or bytes. */
export type Piece = string | number[] | Uint8Array;

/** Joins pieces; strings are latin-1. */
export function join(...pieces: Piece[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    pieces.flatMap((piece) => typeof piece === "string" ? Array.from(piece, (c) => c.charCodeAt(0)) : [...piece]),
  );
}

/** A little-endian number of `size` bytes. */
export function le(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n));
}

/** BINBYTES. */
export function binBytes(bytes: Piece): Uint8Array {
  const value = join(bytes);
  return join("B", le(value.length, 4), value);
}

/** A NumPy dtype in protocol 2: the name, then its state. */
export function dtypePickle(name: string, order = "|"): Uint8Array {
  return join(
    "cnumpy\ndtype\n",
    "X",
    le(name.length, 4),
    name,
    "\x89\x88\x87R",
    "(K\x03X",
    le(1, 4),
    order,
    "NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
  );
}

/** A NumPy array in protocol 3, of shape [n] or as given, with its values as they lie in memory. */
export function arrayPickle(values: Piece, dtype = "u1", shape?: number[], module = "numpy.core"): Uint8Array {
  const bytes = join(values);
  const lengths = shape ?? [bytes.length];
  return join(
    `c${module}.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R(K\x01(`,
    ...lengths.map((length) => join("J", le(length, 4))),
    "t",
    dtypePickle(dtype),
    "\x89",
    binBytes(bytes),
    "tb",
  );
}

/** Writes bytes to a temporary file for the length of `body`. */
export function withFile<T>(bytes: Uint8Array, body: (path: string) => T): T {
  const path = Deno.makeTempFileSync({ suffix: ".bin" });
  try {
    Deno.writeFileSync(path, bytes);
    return body(path);
  } finally {
    Deno.removeSync(path);
  }
}
