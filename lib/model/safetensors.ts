import { crc32 } from "node:zlib";
import { AtomicFile } from "../data/atomic_file.ts";
import { ByteFile } from "../data/byte_file.ts";
import { decodeUtf8 } from "../data/pickle_values.ts";
import { InputError } from "../errors.ts";
import { bfloat16ToFloat32, halfToFloat32 } from "./half.ts";
import {
  byPlace,
  DTYPE_BYTES,
  MOST_HEADER_BYTES,
  parseHeader,
  type TensorDtype,
  type TensorPlace,
  tensorSize,
} from "./safetensors_header.ts";

export type { TensorDtype, TensorPlace } from "./safetensors_header.ts";

/** The numbers of a tensor. Halves (F16, BF16) are bit patterns in a Uint16Array, BOOL is 0 or 1 in a Uint8Array. */
export type TensorArray = Float32Array | Float64Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;

/** A tensor as it lies in a file. */
export interface TensorData {
  /** Type of the numbers. */
  dtype: TensorDtype;
  /** Length along each axis; empty for a single number. */
  shape: number[];
  /** The numbers, row-major. */
  data: TensorArray;
}

/** What a safetensors file holds. */
export interface Safetensors {
  /** Tensors by name, in the order they lie in the file. */
  tensors: Map<string, TensorData>;
  /** Texts by name. */
  metadata: Record<string, string>;
}

/** How a safetensors file is written. */
export interface SafetensorsOptions {
  /** Replace a file that is there already. @default true */
  force?: boolean;
}

/** An open safetensors file, read tensor by tensor. */
export interface SafetensorsFile extends Disposable {
  /** The path as it was given. */
  readonly path: string;
  /** Type, shape and place of every tensor, by name, in the order they lie in the file. */
  readonly tensors: ReadonlyMap<string, TensorPlace>;
  /** Texts by name. */
  readonly metadata: Record<string, string>;
  /**
   * Reads one tensor.
   *
   * @throws {InputError} if the file has none of this name or was cut short.
   */
  read(name: string): TensorData;
}

const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

const ACTION = "read safetensors file";
/** Metadata entry with the CRC-32 of the whole file: ours; other readers take it for a text like any other. */
const CHECKSUM = "crc32";
/** Our headers start so, then come eight hexadecimal digits, taken as zeros in the sum itself. */
const CHECKSUM_HEAD = `{"__metadata__":{"${CHECKSUM}":"`;
const BLANK = "00000000";
const CHECKSUM_PLACE = 8 + CHECKSUM_HEAD.length;

/**
 * Writes tensors and texts as a safetensors file: on a temporary name, brought to the disk, then renamed, so that a file of this name is
 * always whole. A checksum of the file goes into the metadata, as `crc32`.
 *
 * @throws {TypeError} if a tensor's shape, dtype and array do not agree.
 * @throws {InputError} if the file cannot be written (full disk, permissions, missing folder).
 * @source https://huggingface.co/docs/safetensors
 *
 * @example
 * ```ts
 * import { readSafetensors, writeSafetensors } from "./safetensors.ts";
 *
 * const path = Deno.makeTempFileSync();
 * writeSafetensors(path, new Map([["fc.weight", { dtype: "F32", shape: [1, 2], data: Float32Array.of(0.5, -1) }]]), { epoch: "3" });
 * const { tensors, metadata } = readSafetensors(path);
 * console.assert(tensors.get("fc.weight")!.data[1] === -1 && metadata.epoch === "3");
 * Deno.removeSync(path);
 * ```
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Record<string, string> = {},
  { force = true }: SafetensorsOptions = {},
): void {
  for (const [name, tensor] of tensors) checkTensor(name, tensor);
  // wide numbers first, so that every tensor lies at a multiple of its number's size
  const ordered = [...tensors].sort(([, a], [, b]) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  if (Object.hasOwn(metadata, CHECKSUM)) throw new TypeError(`the metadata entry ${CHECKSUM} is the file's own`);
  const entries = Object.entries(metadata).map(([key, text]) => `,${JSON.stringify(key)}:${JSON.stringify(text)}`);
  const header = [`${CHECKSUM_HEAD}${BLANK}"${entries.join("")}}`];
  let end = 0;
  for (const [name, { dtype, shape, data }] of ordered) {
    const begin = end;
    end += data.byteLength;
    header.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const text = new TextEncoder().encode(`${header.join(",")}}`);
  const padded = Math.ceil(text.length / 8) * 8;
  if (padded > MOST_HEADER_BYTES) {
    throw new TypeError(`the header of ${path} would take ${padded} bytes; names or metadata are too long`);
  }
  const head = new Uint8Array(8 + padded).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(padded), true);
  head.set(text, 8);

  using file = AtomicFile.create(path, { force });
  file.write(head);
  let checksum = crc32(head);
  for (const [, { data }] of ordered) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    checksum = crc32(bytes, checksum);
    file.write(bytes);
  }
  file.patch(CHECKSUM_PLACE, new TextEncoder().encode(hexadecimal(checksum)));
  file.commit();
}

/**
 * Opens a safetensors file and checks its header: every tensor's place and size, no overlap, no hole, no name twice. Data is read by
 * position when asked for, and without the checksum that `readSafetensors` looks at.
 *
 * @throws {InputError} naming file and byte, if the file is missing, cut short, damaged, or holds types that are not read here.
 *
 * @example
 * ```ts
 * import { openSafetensors, writeSafetensors } from "./safetensors.ts";
 *
 * const path = Deno.makeTempFileSync();
 * writeSafetensors(path, new Map([["t", { dtype: "F64", shape: [], data: Float64Array.of(0.25) }]]));
 * {
 *   using file = openSafetensors(path);
 *   console.assert(file.tensors.get("t")!.dtype === "F64" && file.read("t").data[0] === 0.25);
 * }
 * Deno.removeSync(path);
 * ```
 */
export function openSafetensors(path: string): SafetensorsFile {
  return open(path);
}

/**
 * Reads a whole safetensors file. Where the writer left a checksum (ours does), it must agree.
 *
 * @throws {InputError} naming file and byte, as `openSafetensors`, and if the checksum does not agree.
 */
export function readSafetensors(path: string): Safetensors {
  using file = open(path);
  let checksum = file.headerChecksum;
  const tensors = new Map<string, TensorData>();
  for (const name of file.tensors.keys()) {
    const tensor = file.read(name);
    tensors.set(name, tensor);
    if (checksum !== undefined) checksum = crc32(new Uint8Array(tensor.data.buffer), checksum);
  }
  if (checksum !== undefined && hexadecimal(checksum) !== file.checksum) {
    throw new InputError(
      `Cannot ${ACTION} ${path}: expected checksum ${file.checksum} as written at byte ${CHECKSUM_PLACE}, found ${
        hexadecimal(checksum)
      }; ` +
        `the file is damaged, or another program changed it and kept the metadata entry ${CHECKSUM}`,
    );
  }
  return { tensors, metadata: file.metadata };
}

/**
 * A tensor's numbers as float32: halves exactly, doubles rounded, whole numbers and truth values converted. F32 is handed back as it
 * is, not copied.
 *
 * @example
 * ```ts
 * import { toFloat32 } from "./safetensors.ts";
 *
 * const ones = toFloat32({ dtype: "BF16", shape: [2], data: Uint16Array.of(0x3f80, 0xbf80) });
 * console.assert(ones.join() === "1,-1");
 * ```
 */
export function toFloat32({ dtype, data }: TensorData): Float32Array {
  if (data instanceof Float32Array) return data;
  if (data instanceof Uint16Array) return dtype === "BF16" ? bfloat16ToFloat32(data) : halfToFloat32(data);
  if (data instanceof BigInt64Array) return Float32Array.from(data, Number);
  return Float32Array.from(data);
}

interface OpenFile extends SafetensorsFile {
  /** The checksum written in the file. */
  readonly checksum: string | undefined;
  /** Checksum of all before the data, to go on from. */
  readonly headerChecksum: number | undefined;
}

function open(path: string): OpenFile {
  const file = ByteFile.open(path, ACTION);
  try {
    if (file.size < 8) file.fail(`expected a header length of 8 bytes, found a file of ${file.size}`, 0);
    const length = new DataView(file.read(0, 8).buffer).getBigUint64(0, true);
    const most = Math.min(MOST_HEADER_BYTES, file.size - 8);
    if (length > most) file.fail(`expected a header of at most ${most} bytes, found a length of ${length}`, 0);
    const dataStart = 8 + Number(length);
    const fail = (what: string) =>
      new InputError(
        `Cannot ${ACTION} ${path}: ${what}, in the header at byte 8; the file is damaged or not of this kind`,
      );
    const head = file.read(0, dataStart);
    const text = decodeUtf8(head.subarray(8)) ?? file.fail("expected UTF-8 text as the header, found other bytes", 8);
    const header = parseHeader(text, file.size - dataStart, fail);
    const tensors = new Map(byPlace(header.tensors));
    const { [CHECKSUM]: checksum, ...rest } = header.metadata;
    const ours = text.startsWith(CHECKSUM_HEAD) && text[CHECKSUM_HEAD.length + BLANK.length] === '"';
    if (ours) head.set(new TextEncoder().encode(BLANK), CHECKSUM_PLACE);
    return {
      path,
      tensors,
      metadata: ours ? rest : header.metadata,
      checksum: ours ? checksum : undefined,
      headerChecksum: ours ? crc32(head) : undefined,
      read: (name) => {
        const place = tensors.get(name);
        if (place === undefined) {
          throw new InputError(
            `Cannot ${ACTION} ${path}: expected a tensor named ${name}, found none; the file is of another model`,
          );
        }
        const bytes = file.read(dataStart + place.begin, place.end - place.begin);
        return { dtype: place.dtype, shape: [...place.shape], data: new ARRAYS[place.dtype](bytes.buffer) };
      },
      [Symbol.dispose]: () => file.close(),
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

function hexadecimal(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}

function checkTensor(name: string, { dtype, shape, data }: TensorData): void {
  if (name === "__metadata__") throw new TypeError("a tensor cannot be named __metadata__");
  if (!Object.hasOwn(ARRAYS, dtype) || !(data instanceof ARRAYS[dtype])) {
    throw new TypeError(`${name}: dtype ${dtype} does not go with ${data?.constructor.name}`);
  }
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 0) || tensorSize(shape) !== data.length) {
    throw new TypeError(`${name}: shape [${shape}] does not go with ${data.length} numbers`);
  }
}
