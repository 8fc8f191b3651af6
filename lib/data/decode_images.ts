import { createHash } from "node:crypto";
import { InputError } from "../errors.ts";
import { alignFace } from "./align_face.ts";
import { ByteFile } from "./byte_file.ts";
import type { DecodeReply, DecodeRequest } from "./decode_request.ts";
import { createCodec, type ImageCodec } from "./image_codec.ts";
import { decodeImageRecord } from "./image_record.ts";
import { RecordReader } from "./record_reader.ts";
import { resizeImage } from "./resize.ts";

/** No encoded image may be larger: it would not fit a record either. */
const MAX_ENCODED = 2 ** 29;

/** Record files held open at once. */
const MAX_OPEN = 16;

/**
 * Reads, decodes and resizes the images of requests, in the thread it is called in: the work of a decode worker.
 * Record files stay open between requests.
 */
export class RequestDecoder implements Disposable {
  readonly #readers = new Map<string, RecordReader>();
  #codec: Promise<ImageCodec> | undefined;

  /** Answers a request. A bad image is an entry in `errors`, never an exception. */
  async decode(request: DecodeRequest): Promise<DecodeReply> {
    const { sources, bytes, imageSize, landmarks } = request;
    const codec = await (this.#codec ??= createCodec(request.codec));
    const imageBytes = imageSize * imageSize * 3;
    const pixels = new Uint8Array(sources.length * imageBytes);
    const labels = new Float64Array(sources.length).fill(NaN);
    const sizes = new Int32Array(sources.length * 2);
    const checksums = request.checksums ? new Uint32Array(sources.length * 2) : undefined;
    const errors = new Map<number, string>();
    let at = 0;
    for (const [i, source] of sources.entries()) {
      try {
        let encoded: Uint8Array;
        if (typeof source === "number") {
          encoded = bytes.subarray(at, at += source);
        } else if (source.kind === "record") {
          const record = decodeImageRecord(this.#reader(source.path).readAt(source.offset).payload);
          labels[i] = record.labels[0];
          encoded = record.image;
        } else {
          labels[i] = source.label;
          encoded = readFile(source.path);
        }
        checksums?.set(checksum(encoded), 2 * i);
        const image = codec.decode(encoded);
        sizes[2 * i] = image.width;
        sizes[2 * i + 1] = image.height;
        const fitted = landmarks === undefined
          ? resizeImage(image, imageSize)
          : alignFace(image, landmarks.subarray(10 * i, 10 * (i + 1)), imageSize);
        pixels.set(fitted, i * imageBytes);
      } catch (error) {
        errors.set(i, error instanceof Error ? error.message : String(error));
      }
    }
    return { codec: codec.name, pixels, labels, sizes, checksums, errors };
  }

  /** Closes files and codec. */
  async close(): Promise<void> {
    for (const reader of this.#readers.values()) reader.close();
    this.#readers.clear();
    const codec = this.#codec;
    this.#codec = undefined;
    (await codec?.catch(() => undefined))?.close();
  }

  /** Closes files and codec, without waiting for it. */
  [Symbol.dispose](): void {
    this.close();
  }

  #reader(path: string): RecordReader {
    let reader = this.#readers.get(path);
    if (!reader) {
      if (this.#readers.size >= MAX_OPEN) {
        const [oldest, opened] = this.#readers.entries().next().value!;
        opened.close();
        this.#readers.delete(oldest);
      }
      reader = RecordReader.open(path);
      this.#readers.set(path, reader);
    }
    return reader;
  }
}

function checksum(bytes: Uint8Array): [number, number] {
  const digest = createHash("sha256").update(bytes).digest();
  return [digest.readUInt32LE(0), digest.readUInt32LE(4)];
}

function readFile(path: string): Uint8Array {
  using file = ByteFile.open(path, "read image");
  if (file.size > MAX_ENCODED) {
    throw new InputError(`Cannot read image ${path}: expected at most ${MAX_ENCODED} bytes, found ${file.size}`);
  }
  return file.read(0, file.size);
}
