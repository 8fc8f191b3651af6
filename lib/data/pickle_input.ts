import type { ByteFile } from "./byte_file.ts";

/** Long values are skipped, so a window of this size holds the instructions between them. */
const WINDOW = 4096;
/** Longest line that is a number or a name. */
const LONGEST_LINE = 4096;

/** The instruction stream of a pickle: numbers, lines and lengths, read through a small window and never past a frame. */
export class PickleInput {
  readonly #file: ByteFile;
  readonly #window: Uint8Array<ArrayBuffer> = new Uint8Array(WINDOW);
  readonly #view: DataView = new DataView(this.#window.buffer);
  #start = 0;
  #filled = 0;
  #frameEnd: number | undefined;
  /** Byte of the file that is read next. */
  position: number;

  /** The pickle in `file` that starts at byte `offset`. */
  constructor(file: ByteFile, offset: number) {
    this.#file = file;
    this.position = offset;
  }

  /** An unsigned byte. */
  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** An unsigned little-endian number of two bytes. */
  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  /** An unsigned little-endian number of four bytes. */
  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A signed little-endian number of four bytes. */
  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** An unsigned little-endian number of eight bytes: a length, which cannot be beyond 2^53. */
  u64(instruction: number): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > Number.MAX_SAFE_INTEGER) this.#file.fail(`expected a length, found ${value}`, instruction);
    return Number(value);
  }

  /** A big-endian double. */
  f64BigEndian(): number {
    return this.#view.getFloat64(this.#take(8), false);
  }

  /** A short line of text without its newline: a number, a module, a name. */
  line(instruction: number): string {
    const { offset, length } = this.skipLine(instruction, LONGEST_LINE);
    const at = offset - this.#start;
    return new TextDecoder().decode(at >= 0 ? this.#window.subarray(at, at + length) : this.#file.read(offset, length));
  }

  /** A copy of a few bytes, at most a window's. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(length);
    return this.#window.slice(at, at + length);
  }

  /** Steps over a line; the place of its text without the newline. */
  skipLine(instruction: number, longest = Infinity): { offset: number; length: number } {
    const offset = this.position;
    for (;;) {
      const from = this.#take(1);
      const end = this.#window.subarray(0, this.#filled).indexOf(0x0a, from);
      if (end >= 0) {
        this.position = this.#start + end + 1;
        return { offset, length: this.position - 1 - offset };
      }
      this.position = this.#start + this.#filled;
      if (this.position - offset > longest) {
        this.#file.fail(`expected a line of at most ${longest} characters, found a longer one`, instruction);
      }
    }
  }

  /** Steps over `length` bytes, which must be there, and returns where they start. */
  skip(length: number): number {
    const offset = this.position;
    if (length > this.#file.size - offset) {
      this.#file.fail(
        `expected ${length} more bytes, found the end of the file (${this.#file.size} bytes)`,
        offset,
        "the file is cut short or damaged",
      );
    }
    this.position += length;
    return offset;
  }

  /** Reads a frame's length; its instructions must end where it ends. */
  startFrame(instruction: number): void {
    const length = this.u64(instruction);
    if (this.#frameEnd !== undefined) this.#file.fail("expected the end of a frame, found another frame", instruction);
    if (length > this.#file.size - this.position) {
      this.#file.fail(
        `expected a frame of ${length} bytes, found ${this.#file.size - this.position} left in the file`,
        instruction,
        "the file is cut short or damaged",
      );
    }
    this.#frameEnd = this.position + length;
  }

  /** Sees that the instruction that started at `instruction` did not cross the end of its frame. */
  endInstruction(instruction: number): void {
    if (this.#frameEnd === undefined || this.position < this.#frameEnd) return;
    if (this.position > this.#frameEnd) {
      this.#file.fail("an instruction that crosses the end of its frame", instruction);
    }
    this.#frameEnd = undefined;
  }

  /** Sees that `count` bytes are in the window, steps over them and returns their place in it. */
  #take(count: number): number {
    let at = this.position - this.#start;
    if (at < 0 || at + count > this.#filled) {
      const { size } = this.#file;
      const fill = Math.max(count, Math.min(WINDOW, size - this.position));
      this.#file.readInto(this.position, this.#window.subarray(0, fill));
      this.#start = this.position;
      this.#filled = fill;
      at = 0;
    }
    this.position += count;
    return at;
  }
}
