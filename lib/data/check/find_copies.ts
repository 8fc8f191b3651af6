import { ImageDecoder } from "../image_decoder.ts";
import type { ImageSource } from "../image_source.ts";
import { sortByNumber } from "../sort_by_number.ts";
import { EXACT_COPY, type ImageNotes, NO_COPY } from "./image_notes.ts";
import { likeness, luma, PRINT_SIZE } from "./image_print.ts";
import { bitsApart, findNearPrints, NEAR_BITS } from "./near_prints.ts";

/** Runs a part of the work that reports how far it is, under the name of what it counts. */
export type Stage = <T>(unit: string, work: (onProgress?: (done: number, total: number) => void) => T) => T;

/** How copies are looked for. */
export interface FindCopiesOptions {
  /** Runs each part of it. */
  readonly stage: Stage;
  /** Stops it: the call is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Images whose prints are near are copies if their brightnesses correlate at least so much, at PRINT_SIZE. */
export const LEAST_LIKENESS = 0.995;

/** Pairs of images compared at once. */
const BATCH = 128;

/**
 * Notes which images are copies of earlier ones. Byte for byte, of the first such; else, by its print and then by its pixels, of the one
 * with the nearest print. Images of one colour are left out. Verification images are compared with those to train on, and with the other
 * one of their pair.
 */
export async function findCopies(notes: ImageNotes, { stage, signal }: FindCopiesOptions): Promise<void> {
  const { size, trainingEnd, prints, originals, copies, twins } = notes;
  const isUsable = (row: number) => notes.isDecoded(row) && !notes.isOneColour(row);
  findExactCopies(notes, rowsWhere(size, isUsable));
  const alone = rowsWhere(size, (row) => isUsable(row) && copies[row] === NO_COPY);
  const onPair = (a: number, b: number, bits: number) => {
    const isBetter = bits < copies[b] ||
      (bits === copies[b] && notes.isOtherClass(a, b) && !notes.isOtherClass(originals[b], b));
    if (!isBetter) return;
    originals[b] = a;
    copies[b] = bits;
  };
  await stage(
    "prints",
    (onProgress) => findNearPrints(prints, alone, { newFrom: trainingEnd, onPair, onProgress, signal }),
  );

  for (let row = trainingEnd; row < size; row += 2) {
    if (!isUsable(row) || !isUsable(row + 1)) continue;
    const bits = bitsApart(prints, row, row + 1);
    if (isSameFile(notes, row, row + 1)) twins.set(row, EXACT_COPY);
    else if (bits <= NEAR_BITS) twins.set(row, bits);
  }
  const likely = rowsWhere(size, (row) => copies[row] <= NEAR_BITS);
  const likelyTwins = Uint32Array.from(twins.keys()).filter((row) => twins.get(row) !== EXACT_COPY);
  await stage("likely copies", async (onProgress) => {
    using decoder = new ImageDecoder({ imageSize: PRINT_SIZE });
    const total = likely.length + likelyTwins.length;
    const options = { decoder, signal };
    await compare(notes, likely, (row) => originals[row], {
      ...options,
      onOther: (row) => copies[row] = NO_COPY,
      onProgress: (done) => onProgress?.(done, total),
    });
    await compare(notes, likelyTwins, (row) => row + 1, {
      ...options,
      onOther: (row) => twins.delete(row),
      onProgress: (done) => onProgress?.(likely.length + done, total),
    });
  });
}

/** The rows, ascending, of which something is true. */
function rowsWhere(size: number, test: (row: number) => boolean): Uint32Array {
  const rows = new Uint32Array(size);
  let count = 0;
  for (let row = 0; row < size; row++) if (test(row)) rows[count++] = row;
  return rows.slice(0, count);
}

/** Rows of one checksum are copies of the first of them. */
function findExactCopies(notes: ImageNotes, rows: Uint32Array): void {
  const { checksums, originals, copies } = notes;
  const sorted = sortByNumber(sortByNumber(rows, (row) => checksums[2 * row]), (row) => checksums[2 * row + 1]);
  for (let from = 0; from < sorted.length;) {
    let to = from + 1;
    for (; to < sorted.length && isSameFile(notes, sorted[from], sorted[to]); to++) {
      originals[sorted[to]] = sorted[from];
      copies[sorted[to]] = EXACT_COPY;
    }
    from = to;
  }
}

function isSameFile({ checksums }: ImageNotes, a: number, b: number): boolean {
  return checksums[2 * a] === checksums[2 * b] && checksums[2 * a + 1] === checksums[2 * b + 1];
}

/** Reads images again and compares their pixels: `onOther` is told of each row that is not like its partner. */
async function compare(
  notes: ImageNotes,
  rows: Uint32Array,
  partnerOf: (row: number) => number,
  { decoder, onOther, onProgress, signal }: {
    readonly decoder: ImageDecoder;
    readonly onOther: (row: number) => void;
    readonly onProgress: (done: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<void> {
  for (let from = 0; from < rows.length; from += BATCH) {
    const batch = rows.subarray(from, from + BATCH);
    const sources = [...batch].flatMap((row) => [sourceOf(notes, row), sourceOf(notes, partnerOf(row))]);
    const brightness = (await decoder.decode(sources)).map(({ pixels }) => pixels && luma(pixels));
    signal?.throwIfAborted();
    batch.forEach((row, i) => {
      const [a, b] = brightness.slice(2 * i, 2 * i + 2);
      if (a === undefined || b === undefined || likeness(a, b) < LEAST_LIKENESS) onOther(row);
    });
    onProgress(from + batch.length);
  }
}

function sourceOf(notes: ImageNotes, row: number): ImageSource {
  const { set, start } = notes.setOf(row);
  return set.source(row - start);
}
