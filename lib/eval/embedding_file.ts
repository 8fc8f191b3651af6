import { writeFileAtomic } from "../data/atomic_file.ts";
import { exists } from "../data/exists.ts";
import { ioError } from "../data/io_error.ts";
import { InputError } from "../errors.ts";
import { NPY_HEADER_BYTES, npyHeaderBytes } from "./npy_header.ts";

/** How an embedding file is made. */
export interface EmbeddingFileOptions {
  /** Length of an embedding. */
  readonly dim: number;
  /** What the embeddings are a function of: model, images, options. Only what was begun with the same is continued. */
  readonly key: string;
  /** Replace files that are there already, and begin anew. @default false */
  readonly force?: boolean;
  /** What to do about a file that is there already. @default "choose another name or give --force to replace it" */
  readonly existingRemedy?: string;
}

/** How far a file is. */
interface Progress {
  readonly key: string;
  /** Images that were looked at. */
  readonly done: number;
  /** Rows written: images left out have none. */
  readonly rows: number;
  /** Bytes of the names. */
  readonly nameBytes: number;
  /** All of it is written, and the files are being put in place. */
  readonly finishing?: boolean;
}

/**
 * Embeddings on their way into a .npy file [n, dim] of float32, with the images' names beside it, one per line, in a .txt. Until both
 * are whole they have hidden names; a process that was killed is continued from the last `save`.
 *
 * @example
 * ```ts
 * import { EmbeddingFile } from "./embedding_file.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * {
 *   using file = EmbeddingFile.open(`${folder}/e.npy`, { dim: 2, key: "model, images" });
 *   file.append(Float32Array.of(1, 2), ["a.jpg"], 1);
 *   file.save();
 * }
 * using file = EmbeddingFile.open(`${folder}/e.npy`, { dim: 2, key: "model, images" });
 * console.assert(file.done === 1);
 * file.append(Float32Array.of(3, 4), ["b.jpg"], 2);
 * file.finish();
 * console.assert(Deno.readTextFileSync(`${folder}/e.txt`) === "a.jpg\nb.jpg\n");
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export class EmbeddingFile implements Disposable {
  /** The .npy file. */
  readonly path: string;
  /** The .txt file beside it. */
  readonly namesPath: string;
  /** Images that were looked at before this process began. */
  readonly resumed: number;
  readonly #options: EmbeddingFileOptions;
  readonly #parts: { readonly data: string; readonly names: string; readonly progress: string };
  #data: Deno.FsFile | undefined;
  #names: Deno.FsFile | undefined;
  #done: number;
  #rows: number;
  #nameBytes: number;

  private constructor(path: string, options: EmbeddingFileOptions) {
    const { folder, stem } = split(path);
    this.path = path;
    this.namesPath = `${folder}${stem}.txt`;
    this.#options = options;
    this.#parts = {
      data: `${folder}.${stem}.npy.part`,
      names: `${folder}.${stem}.txt.part`,
      progress: `${folder}.${stem}.json.part`,
    };
    const progress = this.#readProgress();
    this.#refuseExisting();
    const { done = 0, rows = 0, nameBytes = 0 } = progress ?? {};
    this.resumed = this.#done = done;
    this.#rows = rows;
    this.#nameBytes = nameBytes;
    try {
      // what was written after the last save is not counted, and goes
      this.#data = openPart(this.#parts.data, this.#dataBytes);
      this.#names = openPart(this.#parts.names, nameBytes);
    } catch (error) {
      this.close();
      throw ioError("write", path, error);
    }
  }

  /**
   * Opens the file, and goes on with what an earlier process began under the same key.
   *
   * @throws {InputError} if the path does not end in .npy, is there already and `force` is not given, or cannot be written.
   */
  static open(path: string, options: EmbeddingFileOptions): EmbeddingFile {
    if (!/[^/\\]\.npy$/.test(path)) {
      throw new InputError(`Cannot write embeddings to ${path}: expected a name ending in .npy; choose one`);
    }
    return new EmbeddingFile(path, options);
  }

  /** Images that were looked at so far, those left out too. */
  get done(): number {
    return this.#done;
  }

  /** Rows written so far. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Appends rows [names.length, dim] and their names; `done` is how many images were looked at with them.
   *
   * @throws {InputError} if they cannot be written.
   */
  append(rows: Float32Array, names: readonly string[], done: number): void {
    if (rows.length !== names.length * this.#options.dim) throw new TypeError("as many names as rows are expected");
    const text = new TextEncoder().encode(names.map((name) => `${name}\n`).join(""));
    this.#write(this.#data, new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    this.#write(this.#names, text);
    this.#rows += names.length;
    this.#nameBytes += text.length;
    this.#done = done;
  }

  /** Brings what was appended to the disk and notes how far that is: a later process goes on from here. */
  save(): void {
    this.#save(false);
  }

  #save(finishing: boolean): void {
    try {
      this.#data!.syncSync();
      this.#names!.syncSync();
    } catch (error) {
      throw ioError("write", this.path, error);
    }
    const progress: Progress = {
      key: this.#options.key,
      done: this.#done,
      rows: this.#rows,
      nameBytes: this.#nameBytes,
      ...finishing && { finishing },
    };
    writeFileAtomic(this.#parts.progress, new TextEncoder().encode(JSON.stringify(progress)), { force: true });
  }

  /**
   * Puts the row count into the header and both files in place.
   *
   * @throws {InputError} if they cannot be written, or are there by now.
   */
  finish(): void {
    try {
      this.#data!.seekSync(0, Deno.SeekMode.Start);
      this.#write(this.#data, npyHeaderBytes({ dtype: "float32", shape: [this.#rows, this.#options.dim] }));
      this.#save(true);
      this.close();
      this.#refuseExisting();
      Deno.renameSync(this.#parts.names, this.namesPath);
      Deno.renameSync(this.#parts.data, this.path);
      Deno.removeSync(this.#parts.progress);
    } catch (error) {
      throw ioError("write", this.path, error);
    }
  }

  /** Closes the files; what was saved can be continued. */
  close(): void {
    this.#data?.close();
    this.#names?.close();
    this.#data = this.#names = undefined;
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.close();
  }

  get #dataBytes(): number {
    return NPY_HEADER_BYTES + this.#rows * this.#options.dim * 4;
  }

  #refuseExisting(): void {
    const { force, existingRemedy = "choose another name or give --force to replace it" } = this.#options;
    if (force) return;
    const path = [this.path, this.namesPath].find(exists);
    if (path !== undefined) throw new InputError(`Cannot write ${path}: it exists already; ${existingRemedy}`);
  }

  #write(file: Deno.FsFile | undefined, bytes: Uint8Array): void {
    if (file === undefined) throw new Error(`${this.path} was closed already`);
    try {
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    } catch (error) {
      throw ioError("write", this.path, error);
    }
  }

  /** What an earlier process noted, if its files hold all of it and it did the same work. */
  #readProgress(): Progress | undefined {
    if (this.#options.force) return undefined;
    try {
      const progress: Progress = JSON.parse(Deno.readTextFileSync(this.#parts.progress));
      const { done, rows, nameBytes } = progress;
      const counts = [done, rows, nameBytes].every((count) => Number.isSafeInteger(count) && count >= 0);
      if (progress.key !== this.#options.key || !counts || rows > done) return undefined;
      const bytes = NPY_HEADER_BYTES + rows * this.#options.dim * 4;
      if (progress.finishing) this.#takeNamesBack(nameBytes);
      if (Deno.statSync(this.#parts.data).size < bytes || Deno.statSync(this.#parts.names).size < nameBytes) {
        return undefined;
      }
      return progress;
    } catch {
      return undefined; // there is none, or it is damaged: begin anew
    }
  }

  /** A process that was killed while it put the files in place may have renamed the names alone. */
  #takeNamesBack(nameBytes: number): void {
    if (exists(this.path) || exists(this.#parts.names) || Deno.statSync(this.namesPath).size !== nameBytes) return;
    Deno.renameSync(this.namesPath, this.#parts.names);
  }
}

function openPart(path: string, size: number): Deno.FsFile {
  const file = Deno.openSync(path, { create: true, read: true, write: true });
  file.truncateSync(size); // the header's place is filled with zeros at first
  file.seekSync(0, Deno.SeekMode.End);
  return file;
}

function split(path: string): { folder: string; stem: string } {
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  return { folder: path.slice(0, cut), stem: path.slice(cut).replace(/\.npy$/, "") };
}
