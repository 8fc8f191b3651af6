import { ioError } from "../data/io_error.ts";
import { InputError } from "../errors.ts";

/**
 * The right to write in a run's folder: one process has it at a time. The operating system takes it back when the process
 * ends, however it ends, so that nothing is left to clean up; the file `.lock` stays and means nothing by itself.
 *
 * @example
 * ```ts
 * import { RunLock } from "./run_lock.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * {
 *   using _lock = RunLock.acquire(folder);
 *   try {
 *     RunLock.acquire(folder);
 *     console.assert(false);
 *   } catch (error) {
 *     console.assert((error as Error).message.includes("another process"));
 *   }
 * }
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export class RunLock implements Disposable {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** @throws {InputError} if another process has it, or the folder cannot be written to. */
  static acquire(folder: string): RunLock {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(`${folder}/.lock`, { read: true, write: true, create: true });
    } catch (error) {
      throw ioError("train in", folder, error);
    }
    let ours = true;
    try {
      ours = file.tryLockSync(true);
    } catch { /* a file system without locks: trust the user */ }
    if (ours) return new RunLock(file);
    file.close();
    throw new InputError(
      `Cannot train in ${folder}: another process is at work there; wait for its end, or stop it first`,
    );
  }

  /** Lets the next one in. */
  [Symbol.dispose](): void {
    this.#file.close();
  }
}
