import { sortByNumber } from "./sort_by_number.ts";

const CHUNK_BITS = 18;
const CHUNK = 1 << CHUNK_BITS;
const MASK = CHUNK - 1;

/**
 * Rows of a growing index, in the order they were added: a key below 2^32 and a byte offset below 2^53 each.
 *
 * Kept in chunks, so growing copies nothing and no room is reserved for rows that never come. Keys take no room as
 * long as each is one more than the one before.
 */
export class RecordIndexRows {
  #size = 0;
  #first = 0;
  #last = -1;
  #ascending = true;
  readonly #offsets: Float64Array[] = [];
  #keys: Uint32Array[] | undefined;

  /** Number of rows. */
  get size(): number {
    return this.#size;
  }

  /** Is every key greater than the one before? */
  get ascending(): boolean {
    return this.#ascending;
  }

  /** Is every key one more than the one before? */
  get consecutive(): boolean {
    return this.#keys === undefined;
  }

  /** Appends a row. */
  add(key: number, offset: number): void {
    const row = this.#size++;
    if (row === 0) this.#first = key;
    if (key <= this.#last) this.#ascending = false;
    if (this.#keys === undefined && row > 0 && key !== this.#last + 1) this.#writeOutKeys(row);
    this.#last = key;
    if ((row & MASK) === 0) {
      this.#offsets.push(new Float64Array(CHUNK));
      this.#keys?.push(new Uint32Array(CHUNK));
    }
    this.#offsets[row >>> CHUNK_BITS][row & MASK] = offset;
    if (this.#keys !== undefined) this.#keys[row >>> CHUNK_BITS][row & MASK] = key;
  }

  /** The key of a row. */
  key(row: number): number {
    return this.#keys === undefined ? this.#first + row : this.#keys[row >>> CHUNK_BITS][row & MASK];
  }

  /** The offset of a row. */
  offset(row: number): number {
    return this.#offsets[row >>> CHUNK_BITS][row & MASK];
  }

  /** Row numbers in ascending order of their keys, equal keys in row order. */
  sortedByKey(): Uint32Array {
    return sortByNumber(Uint32Array.from({ length: this.#size }, (_, i) => i), (row) => this.key(row));
  }

  /** From the first key that is not consecutive on, keys are kept. */
  #writeOutKeys(rows: number): void {
    const keys: Uint32Array[] = [];
    for (let row = 0; row < rows; row++) {
      if ((row & MASK) === 0) keys.push(new Uint32Array(CHUNK));
      keys[row >>> CHUNK_BITS][row & MASK] = this.#first + row;
    }
    this.#keys = keys;
  }
}
