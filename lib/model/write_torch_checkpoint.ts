import { crc32 } from "node:zlib";
import { AtomicFile, type AtomicFileOptions } from "../data/atomic_file.ts";
import { InputError } from "../errors.ts";
import type { TensorData } from "./safetensors.ts";
import { TORCH_DTYPES } from "./torch_pickle.ts";

/** Folder of the archive that all its files are in. */
const ROOT = "archive";
/** PyTorch maps storages into memory at multiples of this. */
const ALIGNMENT = 64;
/** Places in a zip of the plain kind have 32 bits. */
const MOST_BYTES = 2 ** 32 - 2 ** 20;
const LOCAL_BYTES = 30, CENTRAL_BYTES = 46, END_BYTES = 22;
/** 1980-01-01: the file's bytes are a function of the tensors alone. */
const DATE = 0x21;

/**
 * Writes tensors as a state dict that `torch.load(path, weights_only=True)` reads: a zip of a pickle (protocol 2, an OrderedDict of
 * tensors) and one stored file per tensor. Written whole or not at all.
 *
 * @throws {InputError} if it exists and `force` is not given, cannot be written, or would be over 4 GiB.
 *
 * @example
 * ```ts
 * import { writeTorchCheckpoint } from "./write_torch_checkpoint.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * const scale = { dtype: "F32" as const, shape: [], data: Float32Array.of(64) };
 * writeTorchCheckpoint(`${folder}/head.pth`, new Map([["scale", scale]]));
 * console.assert(Deno.readFileSync(`${folder}/head.pth`)[0] === "P".charCodeAt(0));
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function writeTorchCheckpoint(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  options: AtomicFileOptions = {},
): void {
  const text = (value: string) => new TextEncoder().encode(value);
  const files: [string, Uint8Array][] = [
    ["data.pkl", pickleState(tensors)],
    ["byteorder", text("little")],
    ...[...tensors.values()].map(({ data }, i): [string, Uint8Array] => [
      `data/${i}`,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    ]),
    ["version", text("3\n")],
  ];
  const total = files.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  if (total > MOST_BYTES) {
    throw new InputError(
      `Cannot write ${path}: expected tensors of less than 4 GiB, found ${total} bytes; write .safetensors`,
    );
  }
  using file = AtomicFile.create(path, options);
  const list: Uint8Array[] = [];
  for (const [name, bytes] of files) {
    const entry = { name: text(`${ROOT}/${name}`), checksum: crc32(bytes), size: bytes.length, offset: file.size };
    file.write(localHeader(entry));
    file.write(bytes);
    list.push(centralHeader(entry));
  }
  const listOffset = file.size;
  for (const entry of list) file.write(entry);
  file.write(endRecord(list.length, file.size - listOffset, listOffset));
  file.commit();
}

interface Entry {
  readonly name: Uint8Array;
  readonly checksum: number;
  readonly size: number;
  readonly offset: number;
}

/** The header before an entry's bytes, padded by an extra field so that they lie at a multiple of 64. */
function localHeader({ name, checksum, size, offset }: Entry): Uint8Array {
  const extraStart = LOCAL_BYTES + name.length;
  const data = Math.ceil((offset + extraStart + 4) / ALIGNMENT) * ALIGNMENT;
  const header = new Uint8Array(data - offset);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x04034b50, true);
  view.setUint16(12, DATE, true);
  view.setUint32(14, checksum, true);
  view.setUint32(18, size, true);
  view.setUint32(22, size, true);
  view.setUint16(26, name.length, true);
  view.setUint16(28, header.length - extraStart, true);
  header.set(name, LOCAL_BYTES);
  view.setUint16(extraStart, 0x4246, true); // "FB", as PyTorch names its padding
  view.setUint16(extraStart + 2, header.length - extraStart - 4, true);
  return header;
}

/** An entry of the list of files. */
function centralHeader({ name, checksum, size, offset }: Entry): Uint8Array {
  const header = new Uint8Array(CENTRAL_BYTES + name.length);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(14, DATE, true);
  view.setUint32(16, checksum, true);
  view.setUint32(20, size, true);
  view.setUint32(24, size, true);
  view.setUint16(28, name.length, true);
  view.setUint32(42, offset, true);
  header.set(name, CENTRAL_BYTES);
  return header;
}

function endRecord(count: number, size: number, offset: number): Uint8Array {
  const record = new Uint8Array(END_BYTES);
  const view = new DataView(record.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, size, true);
  view.setUint32(16, offset, true);
  return record;
}

/** The pickle of an OrderedDict of tensors, each with a storage of its own: storage i is the i-th tensor's. */
function pickleState(tensors: ReadonlyMap<string, TensorData>): Uint8Array {
  const bytes: number[] = [0x80, 2];
  const global = (module: string, name: string) =>
    bytes.push(0x63, ...new TextEncoder().encode(`${module}\n${name}\n`));
  const u32 = (value: number) => bytes.push(value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24);
  const text = (value: string) => {
    const encoded = new TextEncoder().encode(value);
    bytes.push(0x58);
    u32(encoded.length);
    bytes.push(...encoded);
  };
  const number = (value: number) => {
    if (value < 256) return bytes.push(0x4b, value);
    if (value >= 2 ** 31) { // LONG1 of eight bytes; sizes stay far below 2^63
      bytes.push(0x8a, 8);
      u32(value % 2 ** 32);
      return u32(Math.floor(value / 2 ** 32));
    }
    bytes.push(0x4a);
    u32(value);
  };
  const tuple = (values: readonly number[]) => {
    bytes.push(0x28);
    values.forEach(number);
    bytes.push(0x74);
  };
  const orderedDict = () => {
    global("collections", "OrderedDict");
    bytes.push(0x29, 0x52); // of no arguments
  };
  orderedDict();
  bytes.push(0x28);
  let key = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    const storage = Object.keys(TORCH_DTYPES).find((type) => TORCH_DTYPES[type] === dtype)!;
    text(name);
    global("torch._utils", "_rebuild_tensor_v2");
    bytes.push(0x28, 0x28);
    text("storage");
    global("torch", storage.slice("torch.".length));
    text(String(key++));
    text("cpu");
    number(data.length);
    bytes.push(0x74, 0x51); // a persistent id
    number(0);
    tuple(shape);
    tuple(shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1)));
    bytes.push(0x89); // needs no gradient
    orderedDict(); // no hooks
    bytes.push(0x74, 0x52);
  }
  bytes.push(0x75, 0x2e);
  return Uint8Array.from(bytes);
}
