import { InputError } from "../errors.ts";
import type { CodecKind } from "./image_codec.ts";
import { type DecodedImage, ImageDecoder } from "./image_decoder.ts";
import { hashNumbers } from "./random.ts";
import { Sampler, shareOf } from "./sampler.ts";
import type { TrainingSet } from "./training_set.ts";

/** How a training set becomes batches. */
export interface LoaderOptions {
  /** Images per batch, of all processes that share the set. */
  readonly batchSize: number;
  /** Pixels a side; images of another size are resized. */
  readonly imageSize: number;
  /** Seed of order and flips. */
  readonly seed: number;
  /**
   * Whether half of the images, drawn anew each epoch, are to be mirrored.
   *
   * @default true
   */
  readonly flip?: boolean;
  /**
   * Web Workers that decode; 0 decodes in the calling thread.
   *
   * @default what ImageDecoder takes
   */
  readonly workers?: number;
  /**
   * Batches decoded ahead of the one in use. Memory is `prefetch + 1` batches of uint8 images.
   *
   * @default 4, or one more than there are workers
   */
  readonly prefetch?: number;
  /**
   * Which of the processes this is.
   *
   * @default 0
   */
  readonly rank?: number;
  /**
   * How many processes share the set.
   *
   * @default 1
   */
  readonly ranks?: number;
  /**
   * Which JPEG library.
   *
   * @default "auto"
   */
  readonly codec?: CodecKind;
}

/** One step's images, ready to be uploaded. */
export interface Batch {
  /** Images in this batch; only an epoch's last may have fewer than the batch size. */
  readonly size: number;
  /** [size, imageSize, imageSize, 3] RGB. */
  readonly images: Uint8Array;
  /** [size] classes. */
  readonly labels: Int32Array;
  /** [size] 1 where the image is to be mirrored; a function of seed, epoch and sample alone. */
  readonly flips: Uint8Array;
  /** [size] numbers of the samples in the training set. */
  readonly samples: Uint32Array;
  /**
   * Place in the epoch's order after this batch: resume from here. With several processes it is that after the whole batch; one that has met
   * corrupt images is ahead of it, by samples that come again after a resume.
   */
  readonly position: number;
}

/** An image left out. */
export interface CorruptImage {
  /** As the training set names it: its key or path. */
  readonly name: string;
  /** Why it could not be decoded, in one line. */
  readonly reason: string;
}

/** A set with a larger share of corrupt images is not trained on. */
const MOST_CORRUPT = 0.01;

/** Samples to see before that share is judged within an epoch. */
const FEWEST_JUDGED = 100;

/**
 * Whether so many corrupt images cannot be the luck of the shuffle: four standard deviations more than a set at the limit
 * would give. At the epoch's end the share itself decides.
 */
function isHopeless(corrupt: number, seen: number): boolean {
  const expected = MOST_CORRUPT * seen;
  return seen >= FEWEST_JUDGED && corrupt > expected + 4 * Math.sqrt(expected);
}

/** Corrupt images remembered by name; all are counted. */
const MOST_NAMED = 1000;

/** Names the flips among the streams of a seed. */
const FLIP_STREAM = 0xf11b;

/**
 * Batches of a training set, decoded ahead by Web Workers.
 *
 * The stream is a function of set, seed, epoch and position alone, never of timing: an epoch taken up at a batch's
 * `position` continues with the very batches that would have followed. Corrupt images are left out, and their places in
 * the batch filled from the samples that follow.
 *
 * @example
 * ```ts
 * import { createCodec } from "./image_codec.ts";
 * import { Loader } from "./loader.ts";
 * import type { TrainingSet } from "./training_set.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * using codec = await createCodec("wasm");
 * const image = codec.encodeJpeg({ width: 8, height: 8, pixels: new Uint8Array(192) });
 * for (let i = 0; i < 5; i++) Deno.writeFileSync(`${folder}/${i}.jpg`, image);
 * const set: TrainingSet = {
 *   name: folder,
 *   size: 5,
 *   classes: 5,
 *   imageSize: undefined,
 *   source: (i) => ({ kind: "file", path: `${folder}/${i}.jpg`, label: i }),
 *   sampleName: (i) => `${i}.jpg`,
 *   [Symbol.dispose]() {},
 * };
 *
 * using loader = new Loader(set, { batchSize: 2, imageSize: 8, seed: 21, workers: 1 });
 * const sizes: number[] = [];
 * for await (const { size } of loader.epoch(0)) sizes.push(size);
 * console.assert(sizes.join() === "2,2,1");
 * ```
 */
export class Loader implements Disposable {
  /** The set. */
  readonly set: TrainingSet;
  /** This process's images per batch. */
  readonly batchSize: number;
  /** The order of each epoch. */
  readonly sampler: Sampler;
  readonly #decoder: ImageDecoder;
  readonly #prefetch: number;
  readonly #flip: boolean;
  /** Images of a batch of all processes. */
  readonly #whole: number;
  readonly #corrupt: CorruptImage[] = [];
  readonly #corruptSamples = new Set<number>();
  #seen = 0;
  #closed = false;

  /**
   * Starts the Workers; nothing is read yet.
   *
   * @throws {InputError} if the set is empty, has fewer samples than a batch, or an option is out of range.
   */
  constructor(set: TrainingSet, options: LoaderOptions) {
    const { batchSize, imageSize, seed, flip = true, workers, prefetch, rank = 0, ranks = 1, codec } = options;
    this.set = set;
    this.#flip = flip;
    if (!Number.isSafeInteger(batchSize) || batchSize < ranks) {
      const each = ranks > 1 ? `, one for each of ${ranks} workers` : "";
      throw this.#refuse(`expected a batch size of ${ranks} or more${each}, found ${batchSize}`);
    }
    this.batchSize = shareOf(batchSize, rank, ranks);
    this.sampler = new Sampler({ size: set.size, seed, rank, ranks, block: ranks === 1 ? 1 : batchSize });
    if (prefetch !== undefined && !(Number.isSafeInteger(prefetch) && prefetch >= 1)) {
      throw this.#refuse(`expected 1 or more batches of prefetch, found ${prefetch}`);
    }
    if (set.size === 0 || set.classes < 1) {
      throw this.#refuse(`expected images and classes, found ${set.size} images of ${set.classes} classes`);
    }
    if (batchSize > set.size) {
      throw this.#refuse(
        `expected at least a batch of ${batchSize} images, found ${set.size}; use a batch size of ${set.size} or less`,
      );
    }
    this.#whole = batchSize;
    this.#decoder = new ImageDecoder({ imageSize, workers, codec });
    this.#prefetch = prefetch ?? (this.#decoder.workers === 0 ? 1 : Math.max(4, this.#decoder.workers + 1));
  }

  /** Batches of a whole epoch when no image is corrupt. */
  get batches(): number {
    return Math.ceil(this.sampler.size / this.#whole);
  }

  /** The corrupt images met so far, each once, at most the first 1000. */
  get corrupt(): readonly CorruptImage[] {
    return this.#corrupt;
  }

  /** How many different corrupt images were met so far. */
  get corruptCount(): number {
    return this.#corruptSamples.size;
  }

  /** Samples taken so far, over all epochs, corrupt ones too. */
  get seen(): number {
    return this.#seen;
  }

  /**
   * The JPEG library in use, in words.
   *
   * @throws {InputError} (as a rejection) if the library asked for cannot be opened.
   */
  get codec(): Promise<string> {
    return this.#decoder.codec;
  }

  /**
   * The batches of an epoch from a position on: 0, or what an earlier batch of this epoch named. Leaving the loop early
   * frees everything.
   *
   * @throws {InputError} (as a rejection) if a label is no class of the set, or more than 1 % of the images are corrupt.
   */
  async *epoch(epoch: number, position = 0): AsyncIterableIterator<Batch> {
    const { size } = this.sampler;
    if (!Number.isSafeInteger(position) || position < 0 || position > size) {
      throw this.#refuse(`expected a position from 0 to ${size} in epoch ${epoch}, found ${position}`);
    }
    const order = this.sampler.order(epoch, position);
    // The place in the whole order after so many of this process's samples.
    const positionAfter = (taken: number) =>
      this.sampler.ranks === 1
        ? position + taken
        : Math.min(size, position + Math.floor(taken / this.batchSize) * this.#whole);
    const ahead: Promise<DecodedImage[]>[] = [];
    let requested = 0;
    const request = () => {
      while (ahead.length <= this.#prefetch && requested < order.length) {
        const samples = order.subarray(requested, requested += this.batchSize);
        const decoded = this.#decoder.decode(Array.from(samples, (sample) => this.set.source(sample)), { whole: true });
        decoded.catch(() => {}); // whoever leaves early never looks at it
        ahead.push(decoded);
      }
    };

    let chunk: DecodedImage[] = [], taken = 0;
    let images: DecodedImage[] = [], samples: number[] = [];
    let seen = 0;
    const broken: CorruptImage[] = [];
    let brokenCount = 0;
    for (let place = 0; place < order.length; place++) {
      if (taken === chunk.length) {
        if (this.#closed) throw new Error("the loader was closed in the middle of an epoch");
        request();
        chunk = await ahead.shift()!;
        taken = 0;
      }
      const image = chunk[taken++];
      const sample = order[place];
      this.#seen++;
      seen++;
      if (image.error !== undefined) {
        brokenCount++;
        if (broken.length < 3) broken.push({ name: this.set.sampleName(sample), reason: image.error });
        this.#note(sample, image.error);
        if (isHopeless(brokenCount, seen)) throw this.#tooMany(brokenCount, seen, broken);
        continue;
      }
      this.#checkLabel(sample, image.label);
      images.push(image);
      samples.push(sample);
      if (images.length < this.batchSize) continue;
      yield this.#batch(images, samples, epoch, positionAfter(place + 1));
      images = [];
      samples = [];
    }
    // Of an epoch taken up late, only the share of the whole can be too large.
    if (brokenCount > MOST_CORRUPT * (position + order.length)) throw this.#tooMany(brokenCount, seen, broken);
    if (images.length > 0) yield this.#batch(images, samples, epoch, size);
  }

  /** Ends the workers at once. A batch being waited for is rejected. */
  close(): void {
    this.#closed = true;
    this.#decoder.close();
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    this.close();
  }

  #batch(images: DecodedImage[], samples: number[], epoch: number, position: number): Batch {
    const { seed } = this.sampler;
    return {
      size: images.length,
      images: join(images.map(({ pixels }) => pixels!)),
      labels: Int32Array.from(images, ({ label }) => label!),
      flips: Uint8Array.from(samples, (sample) => this.#flip ? hashNumbers(seed, FLIP_STREAM, epoch, sample) & 1 : 0),
      samples: Uint32Array.from(samples),
      position,
    };
  }

  #note(sample: number, reason: string): void {
    if (this.#corruptSamples.has(sample)) return;
    this.#corruptSamples.add(sample);
    if (this.#corrupt.length < MOST_NAMED) this.#corrupt.push({ name: this.set.sampleName(sample), reason });
  }

  #checkLabel(sample: number, label: number | undefined): void {
    if (label !== undefined && Number.isInteger(label) && label >= 0 && label < this.set.classes) return;
    throw this.#refuse(
      `expected ${this.set.sampleName(sample)} to have a label from 0 to ${this.set.classes - 1} (` +
        `${this.set.classes} classes), found ${label ?? "none"}; mend the label or the number of classes`,
    );
  }

  #tooMany(count: number, seen: number, broken: CorruptImage[]): InputError {
    const names = broken.map(({ name, reason }) => `${name} (${reason})`).join(", ");
    const more = count > broken.length ? ", …" : "";
    return this.#refuse(
      `expected at most ${MOST_CORRUPT * 100} % corrupt images, found ${count} of ${seen}: ${names}${more}`,
    );
  }

  #refuse(what: string): InputError {
    return new InputError(`Cannot load training set ${this.set.name}: ${what}`);
  }
}

/** The images one after the other: without a copy where they already lie so, which whole requests do. */
function join(images: Uint8Array[]): Uint8Array {
  const { buffer, byteOffset, length } = images[0];
  if (images.every((image, i) => image.buffer === buffer && image.byteOffset === byteOffset + i * length)) {
    return new Uint8Array(buffer, byteOffset, images.length * length);
  }
  const joined = new Uint8Array(images.length * length);
  images.forEach((image, i) => joined.set(image, i * length));
  return joined;
}
