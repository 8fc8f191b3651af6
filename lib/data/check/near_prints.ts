import { PRINT_WORDS } from "./image_print.ts";

/** Prints that differ in more bits are not near. */
export const NEAR_BITS = 7;

/** Halves of words; more than NEAR_BITS, so that near prints agree in one at least. */
const BANDS = 2 * PRINT_WORDS;

/** Comparisons between two looks at the signal: a tenth of a second or so. */
const WORK_STEP = 1 << 24;

/** What is looked for, and how. */
export interface NearPrintsOptions {
  /** Rows from here on are compared with those before only, not with each other. @default all are compared */
  readonly newFrom?: number;
  /** Told of each pair once, `a` < `b`, and in how many bits they differ. */
  readonly onPair: (a: number, b: number, bits: number) => void;
  /** Called with the rows done. @default nothing is reported */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops it: the call is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Finds the pairs of `rows`, ascending, whose prints differ in at most NEAR_BITS bits. `prints` has PRINT_WORDS words a row.
 *
 * Prints are cut into more bands than bits may differ: near ones agree in one, so only rows that share a band are compared.
 *
 * @source Norouzi, Punjani and Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing", 2014
 */
export async function findNearPrints(
  prints: Uint32Array,
  rows: Uint32Array,
  { newFrom = Infinity, onPair, onProgress, signal }: NearPrintsOptions,
): Promise<void> {
  const sorted = new Uint32Array(rows.length);
  let words = new Uint32Array(1024);
  let work = 0;
  for (let band = 0; band < BANDS; band++) {
    const word = band >>> 1, shift = 16 * (band & 1);
    const starts = sortByBand(prints, rows, word, shift, sorted);
    for (let key = 0; key + 1 < starts.length; key++) {
      const start = starts[key], count = starts[key + 1] - start;
      if (count < 2 || sorted[start] >= newFrom) continue;
      // side by side in memory, the prints of a bucket are compared ten times faster
      if (words.length < count * PRINT_WORDS) words = new Uint32Array(2 * count * PRINT_WORDS);
      let known = 0;
      for (let i = 0; i < count; i++) {
        const row = sorted[start + i];
        if (row < newFrom) known++;
        for (let k = 0; k < PRINT_WORDS; k++) words[i * PRINT_WORDS + k] = prints[row * PRINT_WORDS + k];
      }
      for (let j = 1; j < count; j++) {
        const end = Math.min(j, known);
        compare(words, j, end, band, (i, bits) => onPair(sorted[start + i], sorted[start + j], bits));
        work += end;
        if (work < WORK_STEP) continue;
        work = 0;
        onProgress?.(Math.floor((band + (start + j) / rows.length) / BANDS * rows.length), rows.length);
        await new Promise((go) => setTimeout(go)); // signals come in between
        signal?.throwIfAborted();
      }
    }
  }
  onProgress?.(rows.length, rows.length);
}

/** In how many bits the prints of two rows differ. */
export function bitsApart(prints: Uint32Array, a: number, b: number): number {
  let bits = 0;
  for (let k = 0; k < PRINT_WORDS; k++) bits += ones(prints[a * PRINT_WORDS + k] ^ prints[b * PRINT_WORDS + k]);
  return bits;
}

/** Rows by their 16 bits in a band, into `sorted`; where those of each number start. */
function sortByBand(
  prints: Uint32Array,
  rows: Uint32Array,
  word: number,
  shift: number,
  sorted: Uint32Array,
): Uint32Array {
  const starts = new Uint32Array((1 << 16) + 1);
  const keyOf = (row: number) => (prints[row * PRINT_WORDS + word] >>> shift) & 0xffff;
  for (const row of rows) starts[keyOf(row) + 1]++;
  for (let key = 1; key < starts.length; key++) starts[key] += starts[key - 1];
  const next = starts.slice();
  for (const row of rows) sorted[next[keyOf(row)]++] = row;
  return starts;
}

/** Compares print `j` with those before `end`; what agrees in an earlier band was found there. */
function compare(
  words: Uint32Array,
  j: number,
  end: number,
  band: number,
  onNear: (i: number, bits: number) => void,
): void {
  const at = j * PRINT_WORDS;
  const w0 = words[at], w1 = words[at + 1], w2 = words[at + 2], w3 = words[at + 3];
  for (let i = 0, from = 0; i < end; i++, from += PRINT_WORDS) {
    const x0 = words[from] ^ w0, x1 = words[from + 1] ^ w1;
    let bits = ones(x0) + ones(x1);
    if (bits > NEAR_BITS) continue;
    const x2 = words[from + 2] ^ w2, x3 = words[from + 3] ^ w3;
    bits += ones(x2) + ones(x3);
    if (bits <= NEAR_BITS && firstBand(x0, x1, x2, x3) === band) onNear(i, bits);
  }
}

/** The first band in which two prints agree, by the bits in which they differ. */
function firstBand(...differences: number[]): number {
  for (let band = 0; band < BANDS; band++) {
    if (((differences[band >>> 1] >>> (16 * (band & 1))) & 0xffff) === 0) return band;
  }
  return BANDS;
}

/** Ones among 32 bits: summed in pairs, fours and eights. */
function ones(x: number): number {
  x -= (x >>> 1) & 0x55555555;
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
