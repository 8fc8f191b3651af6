import type { DataSet } from "../data_set.ts";
import type { DecodedImage } from "../image_decoder.ts";
import { imagePrint, isOneColour, luma, PRINT_WORDS } from "./image_print.ts";

/** A set among those that are checked together. */
export interface NotedSet {
  /** The set. */
  readonly set: DataSet;
  /** Row of its first image. */
  readonly start: number;
}

/** How an image was found to be a copy: not, byte by byte, or (0 to NEAR_BITS) in how many bits prints differ. */
export const NO_COPY = 255, EXACT_COPY = 254;

/** Sizes told apart, over all sets; those that come later are all "another". */
const MOST_SIZES = 255;

/**
 * What is kept of each image of some sets, a row each: 35 bytes. Sets to train on come first.
 */
export class ImageNotes {
  /** The sets and where their rows begin. */
  readonly sets: readonly NotedSet[];
  /** Number of images. */
  readonly size: number;
  /** Rows before this one are of sets to train on. */
  readonly trainingEnd: number;
  /** [size, 2]: checksum of the encoded bytes. */
  readonly checksums: Uint32Array;
  /** [size, PRINT_WORDS]. */
  readonly prints: Uint32Array;
  /** Class of each, as read; NaN of verification images and of what cannot be read. */
  readonly labels: Float32Array;
  /** The image, of a row before, that this one is a copy of. */
  readonly originals: Uint32Array;
  /** How it is one. */
  readonly copies: Uint8Array;
  /** Pairs of one image twice, by the row of their first, and how the second is a copy of it. */
  readonly twins = new Map<number, number>();
  /** Place of its size in `sizes`, counted from 1; 0 of an image that cannot be decoded. Of one colour: negative. */
  readonly #kinds: Int16Array;
  /** The sizes, in the order they were met, as "112x112": height, width. */
  readonly sizes: string[] = [];

  /** Room for the images of sets. */
  constructor(sets: readonly DataSet[]) {
    const ordered = [...sets.filter((set) => set.training), ...sets.filter((set) => set.pairs)];
    let start = 0;
    this.sets = ordered.map((set) => {
      const noted = { set, start };
      start += set.size;
      return noted;
    });
    this.size = start;
    this.trainingEnd = ordered.filter((set) => set.training).reduce((sum, set) => sum + set.size, 0);
    this.checksums = new Uint32Array(2 * start);
    this.prints = new Uint32Array(PRINT_WORDS * start);
    this.labels = new Float32Array(start).fill(NaN);
    this.originals = new Uint32Array(start);
    this.copies = new Uint8Array(start).fill(NO_COPY);
    this.#kinds = new Int16Array(start);
  }

  /** Notes an image that was decoded to PRINT_SIZE x PRINT_SIZE, with its checksum. */
  note(row: number, { pixels, label, width, height, checksum }: DecodedImage): void {
    if (label !== undefined) this.labels[row] = label;
    if (pixels === undefined) return;
    this.checksums.set(checksum!, 2 * row);
    this.prints.set(imagePrint(luma(pixels)), PRINT_WORDS * row);
    const size = `${height}x${width}`;
    let place = this.sizes.indexOf(size);
    if (place < 0) {
      if (this.sizes.length === MOST_SIZES) this.sizes.push("another size");
      place = this.sizes.length > MOST_SIZES ? MOST_SIZES : this.sizes.push(size) - 1;
    }
    this.#kinds[row] = (place + 1) * (isOneColour(pixels) ? -1 : 1);
  }

  /** Could it be decoded? */
  isDecoded(row: number): boolean {
    return this.#kinds[row] !== 0;
  }

  /** Is it of one colour? */
  isOneColour(row: number): boolean {
    return this.#kinds[row] < 0;
  }

  /** Its size; undefined if it could not be decoded. */
  sizeOf(row: number): string | undefined {
    return this.sizes[Math.abs(this.#kinds[row]) - 1];
  }

  /** The set that a row is of. */
  setOf(row: number): NotedSet {
    return this.sets.findLast(({ start, set }) => start <= row && row < start + set.size)!;
  }

  /** The image to train on that an image is a copy of, and how. */
  originalOf(row: number): { readonly row: number; readonly copy: number } | undefined {
    if (this.copies[row] === NO_COPY) return undefined;
    const original = this.originals[row], copy = this.copies[row];
    // the first of equal verification images is the one that was compared with those to train on
    return original < this.trainingEnd ? { row: original, copy } : this.originalOf(original);
  }

  /** Are two images to train on of different classes, or of different sets? */
  isOtherClass(a: number, b: number): boolean {
    return this.labels[a] !== this.labels[b] || this.setOf(a) !== this.setOf(b);
  }
}
