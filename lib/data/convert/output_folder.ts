import { basename, dirname, join, resolve } from "node:path";
import { InputError } from "../../errors.ts";
import { ioError } from "../io_error.ts";
import { TextOutput } from "./text_output.ts";

/** How an output folder is made. */
export interface OutputFolderOptions {
  /** What it is made from, as text. Work left over is continued only if it was of the same source. */
  source: string;
  /** The names it will hold. With `force` only a folder of these names (and .DS_Store) is replaced. */
  entries: readonly string[];
  /** Replace a finished output. @default {false} */
  force?: boolean;
}

const STATE = ".source.json";

/**
 * A folder of very many files that appears finished or not at all.
 *
 * Work is done in `.<name>.partial` beside it and renamed at the end. A killed process leaves that folder; the next one
 * with the same source continues in it: each file that is there already is compared with what it should be, so it does
 * not matter where the work broke off. Left by another source it is removed. A process holds a lock while it works.
 */
export class OutputFolder implements Disposable {
  /** The finished folder. */
  readonly path: string;
  /** Where the work is done. */
  readonly partial: string;
  /** Is earlier work continued? */
  readonly resumed: boolean;
  readonly #options: OutputFolderOptions;
  readonly #madeParent: boolean;
  #state: Deno.FsFile | undefined;

  private constructor(
    path: string,
    partial: string,
    madeParent: boolean,
    state: Deno.FsFile,
    options: OutputFolderOptions,
  ) {
    this.path = path;
    this.partial = partial;
    this.resumed = new TextDecoder().decode(readAll(state)) === options.source;
    this.#madeParent = madeParent;
    this.#state = state;
    this.#options = options;
  }

  /**
   * Begins or continues a folder.
   *
   * @throws {InputError} if there is a finished one and no `force`, if another process works on it, or it cannot be written.
   */
  static open(path: string, options: OutputFolderOptions): OutputFolder {
    path = resolve(path); // a name is needed, also of "." or "out/"
    refuseUnsafe(path, options);
    const partial = join(dirname(path), `.${basename(path)}.partial`);
    try {
      return OutputFolder.#begin(path, partial, options);
    } catch (error) {
      throw ioError("write", path, error);
    }
  }

  static #begin(path: string, partial: string, options: OutputFolderOptions): OutputFolder {
    const madeParent = !exists(dirname(path));
    Deno.mkdirSync(partial, { recursive: true });
    refuseForeign(partial, options.entries); // only what this command makes is ever removed
    const state = lockState(path, partial);
    const folder = new OutputFolder(path, partial, madeParent, state, options);
    try {
      if (!folder.resumed) folder.#restart(state);
    } catch (error) {
      folder.abort();
      throw error;
    }
    return folder;
  }

  /** Removes what was left by another source, and notes this one. */
  #restart(state: Deno.FsFile): void {
    for (const { name } of entriesOf(this.partial)) {
      if (name !== STATE) Deno.removeSync(join(this.partial, name), { recursive: true });
    }
    state.truncateSync(0);
    state.seekSync(0, Deno.SeekMode.Start);
    state.writeSync(new TextEncoder().encode(this.#options.source));
  }

  /** Makes a folder within. */
  makeFolder(name: string): void {
    this.#attempt(name, () => Deno.mkdirSync(join(this.partial, name), { recursive: true }));
  }

  /** Writes a file within. After a break, one that is there with these bytes already is left as it is. */
  write(name: string, bytes: Uint8Array): void {
    const path = `${this.partial}/${name}`;
    if (this.resumed && holds(path, bytes)) return;
    this.#attempt(name, () => Deno.writeFileSync(path, bytes));
  }

  /** Opens a file within for writing from its beginning. */
  create(name: string): TextOutput {
    const path = join(this.partial, name);
    return this.#attempt(name, () => {
      const file = Deno.openSync(path, { write: true, create: true, truncate: true });
      return new TextOutput(file, (work) => this.#attempt(name, work));
    });
  }

  /** Gives the folder its name. */
  finish(): void {
    const old = join(dirname(this.path), `.${basename(this.path)}.old`);
    this.#attempt("", () => {
      this.#state?.close();
      this.#state = undefined;
      if (this.#options.force) {
        refuseUnsafe(this.path, this.#options);
        remove(old);
        if (exists(this.path)) Deno.renameSync(this.path, old);
      } else if (exists(this.path)) {
        Deno.removeSync(this.path); // empty, or it was filled in the meantime and this fails
      }
      Deno.renameSync(this.partial, this.path);
      Deno.removeSync(join(this.path, STATE));
      remove(old);
    });
  }

  /** Removes the work. */
  abort(): void {
    this[Symbol.dispose]();
    remove(this.partial);
    if (this.#madeParent) removeEmpty(dirname(this.path));
  }

  /** Lets go of the lock; the work stays, to be continued. */
  [Symbol.dispose](): void {
    this.#state?.close();
    this.#state = undefined;
  }

  #attempt<T>(name: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw ioError("write", name === "" ? this.path : join(this.path, name), error);
    }
  }
}

/** A folder that is there is replaced by force only, and then only if it holds nothing but a conversion's output. */
function refuseUnsafe(path: string, options: OutputFolderOptions): void {
  let isDirectory: boolean;
  try {
    isDirectory = Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw ioError("write", path, error);
  }
  if (!isDirectory) throw new InputError(`Cannot write ${path}: expected a folder, found a file; choose another name`);
  if (entriesOf(path).length === 0) return;
  if (!options.force) {
    throw new InputError(`Cannot write ${path}: it exists already; choose another name, or give --force to replace it`);
  }
  refuseForeign(path, options.entries);
}

function refuseForeign(path: string, entries: readonly string[]): void {
  const known = new Set([...entries, STATE, ".DS_Store"]);
  const foreign = entriesOf(path).find((entry) => !known.has(entry.name));
  if (foreign === undefined) return;
  throw new InputError(
    `Cannot replace ${path}: expected only ${entries.join(", ")} in it, found ${foreign.name}; ` +
      `choose another folder, or move that away`,
  );
}

function lockState(path: string, partial: string): Deno.FsFile {
  const state = Deno.openSync(join(partial, STATE), { read: true, write: true, create: true });
  if (state.tryLockSync(true)) return state;
  state.close();
  throw new InputError(`Cannot write ${path}: another process is writing it; wait for it to end`);
}

function readAll(file: Deno.FsFile): Uint8Array {
  const bytes = new Uint8Array(Math.min(file.statSync().size, 1 << 16));
  const count = file.readSync(bytes) ?? 0;
  return bytes.subarray(0, count);
}

function entriesOf(path: string): Deno.DirEntry[] {
  return [...Deno.readDirSync(path)];
}

function holds(path: string, bytes: Uint8Array): boolean {
  try {
    const found = Deno.readFileSync(path);
    return found.length === bytes.length && found.every((byte, i) => byte === bytes[i]);
  } catch {
    return false; // not there yet
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function remove(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch { /* not there */ }
}

function removeEmpty(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* it holds something: it stays */ }
}
