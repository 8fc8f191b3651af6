import { InputError } from "../errors.ts";
import { ioError } from "./io_error.ts";

const LINE_FEED = 10, CARRIAGE_RETURN = 13;
/** Line starts are held in 32 bits. */
const LIMIT_BYTES = 2 ** 31;
/** A path is shorter than this on every system. */
const LINE_LIMIT_BYTES = 1 << 16;

/**
 * A text file's lines, held as its bytes and where each line begins: ten million lines are not ten million strings.
 * Lines end in LF or CR LF; the last may lack its end.
 */
export class TextLines {
  /** Number of lines. */
  readonly size: number;
  readonly #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #decoder = new TextDecoder();

  private constructor(bytes: Uint8Array, starts: Uint32Array) {
    this.size = starts.length - 1;
    this.#bytes = bytes;
    this.#starts = starts;
  }

  /** Reads a file. @throws {InputError} if it cannot be read, is not text, or has a line of more than 64 kB. */
  static read(path: string): TextLines {
    let bytes: Uint8Array;
    try {
      const { isFile, size } = Deno.statSync(path);
      if (!isFile || size >= LIMIT_BYTES) {
        const found = isFile ? `${size} bytes` : "something that is no file";
        throw new InputError(`Cannot read the list ${path}: expected a text file of less than 2 GB, found ${found}`);
      }
      bytes = Deno.readFileSync(path);
    } catch (error) {
      throw ioError("read the list", path, error);
    }
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3); // byte order mark
    let count = 0;
    for (const byte of bytes) if (byte === LINE_FEED) count++;
    if (bytes.length > 0 && bytes[bytes.length - 1] !== LINE_FEED) count++;
    const starts = new Uint32Array(count + 1);
    let line = 0;
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) starts[++line] = at + 1;
    starts[count] = bytes.length;
    for (let i = 0; i < count; i++) {
      if (starts[i + 1] - starts[i] > LINE_LIMIT_BYTES) {
        throw new InputError(
          `Cannot read the list ${path}: expected lines of text, found ${starts[i + 1] - starts[i]} bytes on line ${
            i + 1
          }`,
        );
      }
    }
    return new TextLines(bytes, starts);
  }

  /** Line `i`, counted from 0, without its end. */
  line(i: number): string {
    let end = this.#starts[i + 1];
    const begin = this.#starts[i];
    if (end > begin && this.#bytes[end - 1] === LINE_FEED) end--;
    if (end > begin && this.#bytes[end - 1] === CARRIAGE_RETURN) end--;
    return this.#decoder.decode(this.#bytes.subarray(begin, end));
  }
}
