import { ByteFile } from "../data/byte_file.ts";
import { BinaryReader, WireType } from "../deps/protobuf.ts";

/** What an ONNX file says of itself beside its graph. */
export interface OnnxFacts {
  /** The program that wrote it. */
  readonly producer: string;
  /** Version of the default operator set. */
  readonly operatorSet: number;
  /** Texts by name, such as `color_order`. */
  readonly metadata: Readonly<Record<string, string>>;
}

const ACTION = "read ONNX file";
/** Fields of ModelProto. */
const PRODUCER = 2, OPERATOR_SETS = 8, METADATA = 14;
/** Longest tag and length together. */
const HEAD_BYTES = 16;
const MOST_TEXT_BYTES = 1 << 24;
const MOST_ENTRIES = 10_000;

/**
 * Reads what an ONNX file says of itself: its metadata with the colour order and normalisation that the input must have. The graph is
 * stepped over, so the weights are not read.
 *
 * @throws {InputError} naming file and byte, if it is missing, cut short, damaged, or no ONNX file.
 *
 * @example
 * ```ts ignore
 * import { readOnnxMetadata } from "./onnx_metadata.ts";
 *
 * console.log(readOnnxMetadata("face.onnx").metadata.color_order);
 * ```
 */
export function readOnnxMetadata(path: string): OnnxFacts {
  using file = ByteFile.open(path, ACTION);
  let producer = "", operatorSet = 0, hasGraph = false;
  const metadata: Record<string, string> = {};
  let entries = 0;
  for (let at = 0; at < file.size;) {
    const head = readHead(file, at);
    const { field, start, length } = head;
    if (field === 7 && head.wireType === WireType.LengthDelimited) hasGraph = true;
    if (field === PRODUCER || field === OPERATOR_SETS || field === METADATA) {
      if (head.wireType !== WireType.LengthDelimited || length > MOST_TEXT_BYTES || ++entries > MOST_ENTRIES) {
        file.fail(`expected field ${field} as a short text, found something else`, at);
      }
      const bytes = file.read(start, length);
      if (field === PRODUCER) producer = new TextDecoder().decode(bytes);
      else {
        const parts = readParts(file, bytes, start);
        if (field === METADATA) setText(metadata, String(parts.get(1) ?? ""), String(parts.get(2) ?? ""));
        else if ((parts.get(1) ?? "") === "") operatorSet = Number(parts.get(2) ?? 0);
      }
    }
    at = start + length;
  }
  if (!hasGraph) file.fail("expected an ONNX model with a graph, found none", file.size);
  return { producer, operatorSet, metadata };
}

/** Tag of the field at byte `at`, and where its value lies. */
function readHead(
  file: ByteFile,
  at: number,
): { field: number; wireType: WireType; start: number; length: number } {
  const bytes = file.read(at, Math.min(HEAD_BYTES, file.size - at));
  const reader = new BinaryReader(bytes);
  try {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) {
      const length = reader.uint32();
      const start = at + reader.pos;
      if (length > file.size - start) {
        file.fail(
          `expected ${length} bytes of field ${field}, found the end of the file (${file.size} bytes)`,
          start,
          "the file is cut short or damaged",
        );
      }
      return { field, wireType, start, length };
    }
    const from = reader.pos;
    reader.skip(wireType, field);
    return { field, wireType, start: at + from, length: reader.pos - from };
  } catch (error) {
    if ((error as Error).name === "InputError") throw error;
    file.fail("expected a field of an ONNX model, found other bytes", at);
  }
}

/** Texts and numbers of a small message by field. */
function readParts(file: ByteFile, bytes: Uint8Array, offset: number): Map<number, string | number> {
  const parts = new Map<number, string | number>();
  const reader = new BinaryReader(bytes);
  try {
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (wireType === WireType.LengthDelimited) parts.set(field, reader.string());
      else if (wireType === WireType.Varint) parts.set(field, Number(reader.int64()));
      else reader.skip(wireType, field);
    }
  } catch {
    file.fail("expected a name and a text, found other bytes", offset);
  }
  return parts;
}

/** As a property of its own, whatever its name is. */
function setText(texts: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(texts, key, { value, enumerable: true, writable: true, configurable: true });
}
