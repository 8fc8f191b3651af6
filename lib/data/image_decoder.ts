import { InputError } from "../errors.ts";
import { RequestDecoder } from "./decode_images.ts";
import type { DecodeReply, DecodeRequest } from "./decode_request.ts";
import type { CodecKind } from "./image_codec.ts";
import type { ImageSource } from "./image_source.ts";
import { WorkerPool } from "./worker_pool.ts";

/** How images are decoded. */
export interface ImageDecoderOptions {
  /** Pixels a side of the decoded images; others are resized to it. */
  readonly imageSize: number;
  /**
   * Web Workers that decode. 0 decodes in the calling thread, where no Worker can be started.
   *
   * @default one on up to 2 cores, else one fewer than there are cores, at most 4
   */
  readonly workers?: number;
  /**
   * Which JPEG library.
   *
   * @default "auto"
   */
  readonly codec?: CodecKind;
}

/** How one call is done. */
export interface DecodeOptions {
  /**
   * Leave all of it to one worker: the images then lie one after the other in one buffer. For callers with several
   * requests under way.
   *
   * @default false
   */
  readonly whole?: boolean;
  /**
   * [sources, 10]: x and y of five landmarks of each image, in its own pixels, to align the faces by.
   *
   * @default the whole image is resized
   */
  readonly landmarks?: Float64Array;
  /**
   * Also a checksum of each image's encoded bytes.
   *
   * @default false
   */
  readonly checksums?: boolean;
}

/** An image after decoding. */
export interface DecodedImage {
  /** [imageSize, imageSize, 3] RGB; undefined where the image is corrupt. */
  readonly pixels: Uint8Array | undefined;
  /** The class its record or list names; undefined where there is none. Not checked: it may be any number. */
  readonly label: number | undefined;
  /** Pixels per row before resizing; 0 where not known. */
  readonly width: number;
  /** Rows before resizing; 0 where not known. */
  readonly height: number;
  /** [2]: the first 64 bits of SHA-256 of the encoded bytes; only where asked for, and zeros where they cannot be read. */
  readonly checksum?: Uint32Array;
  /** Why it could not be decoded, in one line. */
  readonly error: string | undefined;
}

/** More workers than this are a mistake. */
const MAX_WORKERS = 256;

/** A larger side is a mistake: one image would take 192 MiB. */
const MAX_IMAGE_SIZE = 8192;

/** Images a worker gets at most, and pays for being given, at once. */
const MOST_PER_REQUEST = 256, LEAST_PER_REQUEST = 8;

/** Workers when nothing is said: the GPU's software adapter, where it is in use, wants the cores too. */
export function defaultWorkers(cores: number = navigator.hardwareConcurrency): number {
  return Math.min(4, Math.max(1, cores - 1));
}

/**
 * Decodes images in a pool of Web Workers, which read records and files by themselves: the main thread, blocked by the
 * GPU for long stretches, only says what to read.
 *
 * @example
 * ```ts
 * import { createCodec } from "./image_codec.ts";
 * import { ImageDecoder } from "./image_decoder.ts";
 *
 * using codec = await createCodec("wasm");
 * const bytes = codec.encodeJpeg({ width: 8, height: 8, pixels: new Uint8Array(192).fill(90) });
 * using decoder = new ImageDecoder({ imageSize: 4, workers: 1 });
 * const [image, corrupt] = await decoder.decode([{ kind: "bytes", bytes }, { kind: "bytes", bytes: bytes.slice(0, 99) }]);
 * console.assert(image.pixels?.length === 4 * 4 * 3 && image.width === 8);
 * console.assert(corrupt.pixels === undefined && corrupt.error !== undefined);
 * ```
 */
export class ImageDecoder implements Disposable {
  /** Pixels a side of the decoded images. */
  readonly imageSize: number;
  /** Number of Web Workers; 0 when the calling thread decodes. */
  readonly workers: number;
  readonly #kind: CodecKind;
  readonly #pool: WorkerPool<DecodeRequest, DecodeReply> | undefined;
  readonly #local: RequestDecoder | undefined;
  #codec: Promise<string> | undefined;
  #closed = false;

  /**
   * Starts the Workers.
   *
   * @throws {InputError} if an option is out of range.
   */
  constructor(options: ImageDecoderOptions) {
    const { imageSize, workers = defaultWorkers(), codec = "auto" } = options;
    checkOption("image size", imageSize, 1, MAX_IMAGE_SIZE);
    checkOption("workers", workers, 0, MAX_WORKERS);
    this.imageSize = imageSize;
    this.workers = workers;
    this.#kind = codec;
    if (workers === 0) this.#local = new RequestDecoder();
    else this.#pool = new WorkerPool(new URL("./image_decoder_worker.ts", import.meta.url), "decoding images", workers);
  }

  /**
   * The JPEG library in use, in words.
   *
   * @throws {InputError} (as a rejection) if the library asked for cannot be opened.
   */
  get codec(): Promise<string> {
    return this.#codec ??= this.#run([]).then(({ codec }) => codec);
  }

  /**
   * Decodes images, in their order. A bad image is an entry with `error`; the call itself is rejected only if a worker
   * dies, the codec cannot be opened, or the decoder is closed.
   *
   * The pixels of a call share few buffers: copy those that are kept for long.
   */
  async decode(sources: readonly ImageSource[], options: DecodeOptions = {}): Promise<DecodedImage[]> {
    if (this.#closed) throw new Error("the image decoder was closed");
    const count = options.whole ? 1 : Math.max(
      Math.min(this.workers, Math.floor(sources.length / LEAST_PER_REQUEST)),
      Math.ceil(sources.length / MOST_PER_REQUEST),
      1,
    );
    const pieces: Promise<DecodedImage[]>[] = [];
    for (let k = 0; k < count; k++) {
      const from = Math.floor(k * sources.length / count), to = Math.floor((k + 1) * sources.length / count);
      const part = sources.slice(from, to);
      const landmarks = options.landmarks?.slice(10 * from, 10 * to);
      if (part.length > 0) {
        pieces.push(this.#run(part, landmarks, options.checksums).then((reply) => this.#unpack(part, reply)));
      }
    }
    return (await Promise.all(pieces)).flat();
  }

  /** Ends the workers at once; calls under way are rejected. */
  close(): void {
    this.#closed = true;
    this.#pool?.close();
    this.#local?.close();
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    this.close();
  }

  #run(sources: readonly ImageSource[], landmarks?: Float64Array, checksums?: boolean): Promise<DecodeReply> {
    const images = sources.flatMap((source) => source.kind === "bytes" ? [source.bytes] : []);
    const bytes = new Uint8Array(images.reduce((sum, image) => sum + image.length, 0));
    let at = 0;
    for (const image of images) {
      bytes.set(image, at);
      at += image.length;
    }
    const request: DecodeRequest = {
      imageSize: this.imageSize,
      codec: this.#kind,
      sources: sources.map((source) => source.kind === "bytes" ? source.bytes.length : source),
      bytes,
      landmarks,
      checksums,
    };
    if (this.#local) return this.#local.decode(request);
    return this.#pool!.run(request, sources.length, [bytes.buffer]);
  }

  #unpack(sources: readonly ImageSource[], { pixels, labels, sizes, checksums, errors }: DecodeReply): DecodedImage[] {
    const imageBytes = this.imageSize ** 2 * 3;
    return sources.map((source, i) => {
      const error = errors.get(i);
      const hasLabel = source.kind !== "bytes" && !(error !== undefined && Number.isNaN(labels[i]));
      return {
        pixels: error === undefined ? pixels.subarray(i * imageBytes, (i + 1) * imageBytes) : undefined,
        label: hasLabel ? labels[i] : undefined,
        width: sizes[2 * i],
        height: sizes[2 * i + 1],
        ...checksums && { checksum: checksums.subarray(2 * i, 2 * i + 2) },
        error,
      };
    });
  }
}

function checkOption(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new InputError(
    `Cannot decode images: expected ${name} to be a whole number from ${least} to ${most}, found ${value}`,
  );
}
