import { ByteFile } from "./byte_file.ts";
import { RECORD_MAGIC } from "./record_format.ts";

const WINDOW_BYTES = 1 << 20;

/**
 * The part of a file that is in memory: one buffer of a mebibyte that follows the reading. Memory does not grow with
 * the file, and offsets are numbers up to 2^53.
 */
export class RecordWindow implements Disposable {
  /** The file. */
  readonly path: string;
  /** Its size in bytes when it was opened. */
  readonly size: number;
  readonly #file: ByteFile;
  readonly #bytes: Uint8Array = new Uint8Array(WINDOW_BYTES);
  readonly #view: DataView = new DataView(this.#bytes.buffer);
  readonly #words: Uint32Array = new Uint32Array(this.#bytes.buffer);
  #start = 0;
  #length = 0;

  /** Opens the file. @throws {InputError} if that cannot be done. */
  constructor(path: string) {
    this.#file = ByteFile.open(path, "read records of");
    this.path = path;
    this.size = this.#file.size;
  }

  /** The u32 at `offset`. The range must lie within the file. `ahead`: how many bytes to fetch when it is not in memory. */
  u32(offset: number, ahead: number): number {
    return this.#view.getUint32(this.#hold(offset, 4, ahead), true);
  }

  /** Copies the bytes from `offset` on into `target`. The range must lie within the file. */
  copy(offset: number, target: Uint8Array): void {
    if (target.length <= WINDOW_BYTES) {
      const at = this.#hold(offset, target.length, target.length);
      target.set(this.#bytes.subarray(at, at + target.length));
    } else {
      this.#file.readInto(offset, target);
    }
  }

  /**
   * The bytes themselves where they fit the window, valid until the next call; otherwise undefined.
   * The range must lie within the file.
   */
  peek(offset: number, length: number, ahead: number): Uint8Array | undefined {
    if (length > WINDOW_BYTES) return undefined;
    const at = this.#hold(offset, length, ahead);
    return this.#bytes.subarray(at, at + length);
  }

  /**
   * Where the record magic first stands at a multiple of 4 in `length` bytes from `offset` (a multiple of 4) on.
   * A long range is looked through piece by piece, without room for the whole.
   */
  findMagic(offset: number, length: number, ahead: number): number | undefined {
    const end = offset + length - (length & 3);
    for (let piece = offset; piece < end; piece += WINDOW_BYTES) {
      const count = Math.min(end - piece, WINDOW_BYTES);
      const first = this.#hold(piece, count, ahead) >>> 2;
      for (let word = first, last = first + (count >>> 2); word < last; word++) {
        if (this.#words[word] === RECORD_MAGIC) return piece + (word - first) * 4;
      }
    }
    return undefined;
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** Sees to it that the range is in the window; where it begins there. Windows begin at multiples of 4 of the file. */
  #hold(offset: number, length: number, ahead: number): number {
    if (offset < this.#start || offset + length > this.#start + this.#length) {
      const start = offset - offset % 4;
      const count = Math.min(Math.max(offset - start + length, Math.min(ahead, WINDOW_BYTES)), this.size - start);
      if (count > WINDOW_BYTES) {
        // only for an unaligned range of nearly a window; aligned starts never get here
        throw new RangeError(`${length} bytes at ${offset} do not fit the window`);
      }
      this.#length = 0; // should the reading fail, nothing stale is left
      this.#file.readInto(start, this.#bytes.subarray(0, count));
      this.#start = start;
      this.#length = count;
    }
    return offset - this.#start;
  }
}
