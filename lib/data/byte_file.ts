import { InputError } from "../errors.ts";
import { ioError } from "./io_error.ts";

/**
 * A file read by position: nothing of it is kept, so a file may be larger than memory. A read past the end is an InputError
 * that names the file and the place.
 *
 * @example
 * ```ts
 * import { ByteFile } from "./byte_file.ts";
 *
 * const path = Deno.makeTempFileSync();
 * Deno.writeTextFileSync(path, "0123456789");
 * {
 *   using file = ByteFile.open(path, "read digits");
 *   console.assert(new TextDecoder().decode(file.read(3, 4)) === "3456");
 * }
 * Deno.removeSync(path);
 * ```
 */
export class ByteFile implements Disposable {
  /** The path as it was given. */
  readonly path: string;
  /** Bytes in the file when it was opened. */
  readonly size: number;
  /** What is being done, for messages: completes "Cannot …". */
  readonly action: string;
  #file: Deno.FsFile | undefined;

  private constructor(path: string, action: string, file: Deno.FsFile, size: number) {
    this.path = path;
    this.action = action;
    this.size = size;
    this.#file = file;
  }

  /**
   * Opens `path` for reading; `action` completes "Cannot …" in messages ("read pair set").
   *
   * @throws {InputError} if it is missing, not a regular file, or may not be read.
   */
  static open(path: string, action: string): ByteFile {
    let file: Deno.FsFile | undefined;
    try {
      const { isFile, isDirectory } = Deno.statSync(path);
      if (!isFile) {
        const found = isDirectory ? "a folder" : "something that is no regular file";
        throw new InputError(`Cannot ${action} ${path}: expected a file, found ${found}; name a file`);
      }
      file = Deno.openSync(path);
      return new ByteFile(path, action, file, file.statSync().size);
    } catch (error) {
      file?.close();
      throw ioError(action, path, error);
    }
  }

  /**
   * Fills `target` with the bytes from `offset` on.
   *
   * @throws {InputError} if the file ends before.
   */
  readInto(offset: number, target: Uint8Array): void {
    if (this.#file === undefined) throw new Error(`${this.path} was closed already`);
    if (!(offset >= 0 && target.length <= this.size - offset)) this.#truncated(offset, target.length, this.size);
    let done = 0;
    try {
      this.#file.seekSync(offset, Deno.SeekMode.Start);
      while (done < target.length) {
        const count = this.#file.readSync(target.subarray(done));
        if (count === null || count === 0) break;
        done += count;
      }
    } catch (error) {
      throw ioError(this.action, this.path, error);
    }
    if (done < target.length) this.#truncated(offset, target.length, offset + done);
  }

  /**
   * A copy of `length` bytes at `offset`. The length is checked against the file's before anything is allocated.
   *
   * @throws {InputError} if the file ends before.
   */
  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (!(offset >= 0 && length >= 0 && length <= this.size - offset)) this.#truncated(offset, length, this.size);
    const bytes = new Uint8Array(length);
    this.readInto(offset, bytes);
    return bytes;
  }

  /** Throws the InputError "Cannot <action> <path>: <what> at byte <offset>; <advice>". */
  fail(what: string, offset: number, advice = "the file is damaged or not of this kind"): never {
    throw new InputError(`Cannot ${this.action} ${this.path}: ${what} at byte ${offset}; ${advice}`);
  }

  /** Closes the file. Closing twice is harmless. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** The same as `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #truncated(offset: number, length: number, end: number): never {
    this.fail(
      `expected ${length} more bytes, found the end of the file (${end} bytes)`,
      offset,
      "the file is cut short or damaged",
    );
  }
}
