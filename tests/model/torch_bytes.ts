/** Puts PyTorch files together by hand for the tests: a zip of a pickle and storages. */
import { crc32 } from "node:zlib";
import { join, le, type Piece } from "../data/pickle_bytes.ts";

/** One file of an archive. */
export interface ZipPart {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** 0 stored, 8 deflated: written as it is all the same. */
  readonly method?: number;
  readonly checksum?: number;
}

/** A zip archive of these files; with `wide`, sizes and places in 64-bit fields, as PyTorch writes them. */
export function zip(parts: readonly ZipPart[], wide = false): Uint8Array<ArrayBuffer> {
  const pieces: Uint8Array[] = [], list: Uint8Array[] = [];
  let at = 0;
  for (const { name, bytes, method = 0, checksum = crc32(bytes) } of parts) {
    const local = join("PK\x03\x04", le(0, 4), le(method, 2), le(0, 4), le(checksum, 4), le(bytes.length, 4));
    const head = join(local, le(bytes.length, 4), le(name.length, 2), le(0, 2), name);
    const sizes = wide ? [0xffffffff, 0xffffffff, 0xffffffff] : [bytes.length, bytes.length, at];
    const extra = wide ? join(le(1, 2), le(24, 2), le(bytes.length, 8), le(bytes.length, 8), le(at, 8)) : join();
    list.push(join(
      "PK\x01\x02",
      le(0, 6),
      le(method, 2),
      le(0, 4),
      le(checksum, 4),
      le(sizes[0], 4),
      le(sizes[1], 4),
      le(name.length, 2),
      le(extra.length, 2),
      le(0, 10),
      le(sizes[2], 4),
      name,
      extra,
    ));
    pieces.push(head, bytes);
    at += head.length + bytes.length;
  }
  const size = list.reduce((sum, entry) => sum + entry.length, 0);
  const count = parts.length;
  const end = wide
    ? join(
      ...["PK\x06\x06", le(44, 8), le(0, 12), le(count, 8), le(count, 8), le(size, 8), le(at, 8)],
      ...["PK\x06\x07", le(0, 4), le(at + size, 8), le(1, 4)],
      ...["PK\x05\x06", le(0, 4), le(0xffff, 2), le(0xffff, 2), le(0xffffffff, 4), le(0xffffffff, 4), le(0, 2)],
    )
    : join("PK\x05\x06", le(0, 4), le(count, 2), le(count, 2), le(size, 4), le(at, 4), le(0, 2));
  return join(...pieces, ...list, end);
}

/** A PyTorch file: its pickle without protocol and STOP, and its storages. */
export function torchFile(pickle: Piece, storages: readonly Uint8Array[] = [], wide = false): Uint8Array<ArrayBuffer> {
  return zip([
    { name: "model/data.pkl", bytes: join("\x80\x02", pickle, ".") },
    ...storages.map((bytes, i) => ({ name: `model/data/${i}`, bytes })),
    { name: "model/version", bytes: join("3\n") },
  ], wide);
}

/** Text. */
export function text(value: string): Uint8Array {
  return join("X", le(value.length, 4), value);
}

/** A dict of names and pickled values. */
export function dict(entries: Readonly<Record<string, Piece>>): Uint8Array {
  return join("}(", ...Object.entries(entries).flatMap(([name, value]) => [text(name), value]), "u");
}

/** How a tensor lies in a storage. */
export interface View {
  readonly storage?: number;
  readonly type?: string;
  readonly count: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

/** A tensor. */
export function tensor({ storage = 0, type = "FloatStorage", count, offset = 0, shape, stride }: View): Uint8Array {
  const number = (value: number) => value < 2 ** 31 ? join("J", le(value, 4)) : join("\x8a\x08", le(value, 8));
  const tuple = (values: readonly number[]) => join("(", ...values.map(number), "t");
  return join(
    ...["ctorch._utils\n_rebuild_tensor_v2\n((", text("storage"), `ctorch\n${type}\n`, text(String(storage))],
    ...[text("cpu"), number(count), "tQ", number(offset), tuple(shape), tuple(stride), "\x89"],
    ...["ccollections\nOrderedDict\n)RtR"],
  );
}

/** The bytes of float32 numbers. */
export function floats(...values: number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
