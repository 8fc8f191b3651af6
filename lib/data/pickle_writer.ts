/** Pickle instructions for lists of bytes and truth values: protocol 3, the oldest with bytes, without frames. */

/** Values per APPENDS, as Python writes them: keeps the reader's stack short. */
const BATCH = 1000;
const PROTO_3 = Uint8Array.of(0x80, 3);
const EMPTY_LIST = Uint8Array.of(0x5d);
const MARK = 0x28;
const APPENDS = 0x65;

/**
 * The pickle of `(images, same)`, a tuple of a list of `bytes` and a list of `bool`, piece by piece. What is yielded is
 * written before the next is asked for, so the images need not be in memory together.
 *
 * @example
 * ```ts
 * import { picklePairs } from "./pickle_writer.ts";
 *
 * const pieces = [...picklePairs([Uint8Array.of(1), Uint8Array.of(2)], [true])];
 * console.assert(pieces.at(-1)!.at(-1) === ".".charCodeAt(0));
 * ```
 */
export function* picklePairs(images: Iterable<Uint8Array>, same: readonly boolean[]): Generator<Uint8Array> {
  yield PROTO_3;
  yield* list(images, bytes);
  yield* list(same, (value) => [Uint8Array.of(value ? 0x88 : 0x89)]); // NEWTRUE, NEWFALSE
  yield Uint8Array.of(0x86, 0x2e); // TUPLE2, STOP
}

function* list<T>(values: Iterable<T>, pickle: (value: T) => Uint8Array[]): Generator<Uint8Array> {
  yield EMPTY_LIST;
  let count = 0;
  for (const value of values) {
    if (count % BATCH === 0) yield count === 0 ? Uint8Array.of(MARK) : Uint8Array.of(APPENDS, MARK);
    yield* pickle(value);
    count++;
  }
  if (count > 0) yield Uint8Array.of(APPENDS);
}

/** BINBYTES: a four-byte length, then the bytes. */
function bytes(value: Uint8Array): Uint8Array[] {
  const head = new Uint8Array(5);
  head[0] = 0x42;
  new DataView(head.buffer).setUint32(1, value.length, true);
  return [head, value];
}
