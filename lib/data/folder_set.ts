import { join } from "node:path";
import { InputError } from "../errors.ts";
import { ClassNames } from "./class_names.ts";
import type { ImageSource } from "./image_source.ts";
import { ioError } from "./io_error.ts";
import type { TrainingSet } from "./training_set.ts";

const IMAGE_NAME = /\.(jpe?g|png)$/i;

/**
 * A training set as a folder of folders: each holds the images (.jpg, .jpeg, .png) of one class.
 *
 * Classes are numbered 0 … C-1 in the sorted order of the folders' names, by value when all are numbers. Samples are in
 * the order of their classes, then of their names. Hidden files, other files, and folders without images do not count.
 */
export class FolderSet implements TrainingSet {
  /** The path as the user gave it. */
  readonly name: string;
  /** Number of samples. */
  readonly size: number;
  /** Number of classes. */
  readonly classes: number;
  /** Not known: it is not written anywhere. */
  readonly imageSize: undefined = undefined;
  /** The folder of each class. */
  readonly classNames: readonly string[];
  readonly #files: string[];
  /** Where each class begins in the files, and the end. */
  readonly #starts: number[];

  private constructor(path: string) {
    const folders = new Map<string, string[]>();
    for (const entry of list(path)) {
      if (!isKind(path, entry, "isDirectory")) continue;
      const folder = join(path, entry.name);
      const images = list(folder).filter((file) => IMAGE_NAME.test(file.name) && isKind(folder, file, "isFile"));
      if (images.length > 0) folders.set(entry.name, images.map((file) => file.name).sort());
    }
    if (folders.size === 0) {
      throw new InputError(
        `Cannot open training set ${path}: expected train.rec, label.txt, or folders of .jpg or .png images, found none`,
      );
    }
    const order = new ClassNames();
    for (const name of folders.keys()) order.add(name);
    this.name = path;
    this.classNames = order.finish().names;
    this.classes = this.classNames.length;
    this.#files = [];
    this.#starts = [0];
    for (const name of this.classNames) {
      for (const file of folders.get(name)!) this.#files.push(file);
      this.#starts.push(this.#files.length);
    }
    this.size = this.#files.length;
  }

  /**
   * Lists the folders and their images.
   *
   * @throws {InputError} if the folder cannot be read or has no folder with images.
   */
  static open(path: string): FolderSet {
    return new FolderSet(path);
  }

  /** The label of sample `i`. */
  label(i: number): number {
    if (!(i >= 0 && i < this.size)) throw new RangeError(`sample ${i} of ${this.size}`);
    let low = 0, high = this.classes - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#starts[middle] <= i) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Where sample `i` is. */
  source(i: number): ImageSource {
    return { kind: "file", path: join(this.name, this.sampleName(i)), label: this.label(i) };
  }

  /** Sample `i` in words. */
  sampleName(i: number): string {
    return join(this.classNames[this.label(i)], this.#files[i]);
  }

  /** Nothing is held open. */
  [Symbol.dispose](): void {}
}

function list(folder: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(folder)].filter((entry) => !entry.name.startsWith("."));
  } catch (error) {
    throw ioError("read the folder", folder, error);
  }
}

/** Is the entry of this kind, also behind a link? A link to nowhere is not. */
function isKind(folder: string, entry: Deno.DirEntry, kind: "isFile" | "isDirectory"): boolean {
  if (!entry.isSymlink) return entry[kind];
  try {
    return Deno.statSync(join(folder, entry.name))[kind];
  } catch {
    return false;
  }
}
