import { InputError } from "../errors.ts";
import { ioError } from "./io_error.ts";

/** How a file is put in place. */
export interface AtomicFileOptions {
  /** Replace a file that is there already. @default false */
  force?: boolean;
}

/** Numbers the temporaries of one process, so that two writers of one name do not share a file. */
let serial = 0;

/**
 * A file that appears whole or not at all: bytes go to a temporary name in the same folder, `commit` brings them to the
 * disk (fsync) and renames. A writer that fails or is not committed removes its temporary; what was there before stays.
 *
 * @example
 * ```ts
 * import { AtomicFile } from "./atomic_file.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * {
 *   using file = AtomicFile.create(`${folder}/notes.txt`);
 *   file.write(new TextEncoder().encode("whole "));
 *   file.write(new TextEncoder().encode("or not at all"));
 *   file.commit();
 * }
 * console.assert(Deno.readTextFileSync(`${folder}/notes.txt`) === "whole or not at all");
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export class AtomicFile implements Disposable {
  /** The name the file gets at `commit`. */
  readonly path: string;
  /** Where the bytes are until then. */
  readonly temporary: string;
  #file: Deno.FsFile | undefined;
  #force: boolean;
  #size = 0;

  private constructor(path: string, temporary: string, file: Deno.FsFile, force: boolean) {
    this.path = path;
    this.temporary = temporary;
    this.#file = file;
    this.#force = force;
  }

  /**
   * Opens the temporary file beside `path`.
   *
   * @throws {InputError} if `path` exists and `force` is not given, if it is a folder, or if the folder cannot be written to.
   */
  static create(path: string, { force = false }: AtomicFileOptions = {}): AtomicFile {
    const cut = Math.max(path.lastIndexOf("/"), Deno.build.os === "windows" ? path.lastIndexOf("\\") : -1) + 1;
    const name = path.slice(cut);
    if (name === "" || name === "." || name === "..") {
      throw new InputError(`Cannot write ${path || "(an empty path)"}: expected the name of a file; name one`);
    }
    refuseExisting(path, force);
    for (;;) {
      const temporary = `${path.slice(0, cut)}.${name}.${Deno.pid}${serial === 0 ? "" : `-${serial}`}.tmp`;
      serial++;
      try {
        const file = Deno.openSync(temporary, { write: true, read: true, createNew: true });
        return new AtomicFile(path, temporary, file, force);
      } catch (error) {
        if (error instanceof Deno.errors.AlreadyExists) continue;
        throw ioError("write", path, error);
      }
    }
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  /** Appends `bytes`. On failure (a full disk, say) the temporary is removed and an InputError says why. */
  write(bytes: Uint8Array): void {
    const file = this.#open();
    try {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      this.#size += bytes.length;
    } catch (error) {
      this.abort();
      throw ioError("write", this.path, error);
    }
  }

  /**
   * Overwrites bytes written earlier, for headers that are known only at the end.
   *
   * @throws {RangeError} if the range was not written yet.
   */
  patch(offset: number, bytes: Uint8Array): void {
    if (!(offset >= 0 && offset + bytes.length <= this.#size)) {
      throw new RangeError(`patch of bytes ${offset} to ${offset + bytes.length} of ${this.#size} written`);
    }
    const file = this.#open();
    try {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
      file.seekSync(0, Deno.SeekMode.End);
    } catch (error) {
      this.abort();
      throw ioError("write", this.path, error);
    }
  }

  /** Brings the bytes to the disk and gives the file its name. */
  commit(): void {
    const file = this.#open();
    try {
      file.syncSync();
      file.close();
      this.#file = undefined;
      refuseExisting(this.path, this.#force); // another writer may have been quicker
      Deno.renameSync(this.temporary, this.path);
    } catch (error) {
      this.abort();
      throw ioError("write", this.path, error);
    }
    syncFolderOf(this.path);
  }

  /** Gives up: removes the temporary. Nothing happens after `commit`. */
  abort(): void {
    try {
      this.#file?.close();
    } catch { /* closed by the failure that led here */ }
    this.#file = undefined;
    try {
      Deno.removeSync(this.temporary);
    } catch { /* renamed, or never made: nothing of ours is left */ }
  }

  /** Gives up what was not committed. */
  [Symbol.dispose](): void {
    if (this.#file !== undefined) this.abort();
  }

  #open(): Deno.FsFile {
    if (this.#file === undefined) throw new Error(`${this.path} was committed or given up already`);
    return this.#file;
  }
}

/**
 * Writes a whole file at once, or piece by piece as `content` yields them, and puts it in place in one step.
 *
 * @throws {InputError} if it exists and `force` is not given, or cannot be written (full disk, permissions, missing folder).
 *
 * @example
 * ```ts
 * import { writeFileAtomic } from "./atomic_file.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * writeFileAtomic(`${folder}/property`, new TextEncoder().encode("12,112,112"));
 * console.assert(Deno.readTextFileSync(`${folder}/property`) === "12,112,112");
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function writeFileAtomic(
  path: string,
  content: Uint8Array | Iterable<Uint8Array>,
  options: AtomicFileOptions = {},
): void {
  using file = AtomicFile.create(path, options);
  if (content instanceof Uint8Array) file.write(content);
  else for (const bytes of content) file.write(bytes);
  file.commit();
}

/** What is known of a folder that is cleaned. */
export interface LeftoverOptions {
  /** The caller has the folder to itself, by a lock: every temporary in it is left behind. @default false */
  exclusive?: boolean;
}

/**
 * Removes temporaries that a killed process left in `folder`, and says how many. A temporary counts as left behind when it was
 * untouched for a minute and its process is gone, or untouched for a day.
 *
 * @throws {InputError} if the folder cannot be read.
 */
export function removeLeftovers(folder: string, { exclusive = false }: LeftoverOptions = {}): number {
  let removed = 0;
  try {
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      const pid = /^\..+\.(\d+)(?:-\d+)?\.tmp$/.exec(name)?.[1];
      if (!isFile || pid === undefined || (!exclusive && mayBeInUse(`${folder}/${name}`, pid))) continue;
      Deno.removeSync(`${folder}/${name}`);
      removed++;
    }
  } catch (error) {
    throw ioError("clean", folder, error);
  }
  return removed;
}

function mayBeInUse(path: string, pid: string): boolean {
  if (Number(pid) === Deno.pid) return true;
  const age = Date.now() - (Deno.statSync(path).mtime?.getTime() ?? Date.now());
  return age < 60_000 || (age < 86_400_000 && mayBeRunning(pid));
}

/** Whether process `pid` may exist; where there is no /proc, or Deno may not look into it, this cannot be told. */
function mayBeRunning(pid: string): boolean {
  try {
    Deno.statSync("/proc/self/stat");
  } catch {
    return true;
  }
  try {
    Deno.statSync(`/proc/${pid}/stat`);
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
}

function refuseExisting(path: string, force: boolean): void {
  let there: Deno.FileInfo;
  try {
    there = Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw ioError("write", path, error);
  }
  if (there.isDirectory) throw new InputError(`Cannot write ${path}: expected a file, found a folder; name a file`);
  if (!force) {
    throw new InputError(`Cannot write ${path}: it exists already; choose another name or give --force to replace it`);
  }
}

/** A rename is lasting only once its folder is on the disk. Some systems cannot sync a folder: then this is as far as it goes. */
function syncFolderOf(path: string): void {
  try {
    const cut = path.lastIndexOf("/");
    using folder = Deno.openSync(cut < 0 ? "." : path.slice(0, cut + 1));
    folder.syncSync();
  } catch { /* see above */ }
}
