import { dirname, isAbsolute, join } from "node:path";
import { InputError } from "../errors.ts";
import { ClassNames } from "./class_names.ts";
import type { ImageSource } from "./image_source.ts";
import { TextLines } from "./text_lines.ts";
import type { TrainingSet } from "./training_set.ts";

/**
 * A training set listed in a text file: `images/00000001.jpg<white space>class` per line, paths seen from the list.
 *
 * A path may contain white space, a class may not; the last word of a line is the class. Classes are any words or
 * numbers, mapped to 0 … C-1 in sorted order. Images may lie anywhere, as they are only read. Empty lines are skipped.
 */
export class ListSet implements TrainingSet {
  /** The path as the user gave it. */
  readonly name: string;
  /** Number of samples. */
  readonly size: number;
  /** Number of classes. */
  readonly classes: number;
  /** Not known: it is not written anywhere. */
  readonly imageSize: undefined = undefined;
  /** The name each class has in the list. */
  readonly classNames: readonly string[];
  readonly #path: string;
  readonly #folder: string;
  readonly #lines: TextLines;
  /** The line of each sample; undefined while every line is one. */
  readonly #lineOf: Uint32Array | undefined;
  readonly #labels: Int32Array;

  private constructor(name: string, path: string, lines: TextLines) {
    const classes = new ClassNames();
    let used: number[] | undefined;
    let size = 0;
    for (let i = 0; i < lines.size; i++) {
      const line = lines.line(i);
      if (line.trim() === "") {
        used ??= Array.from({ length: i }, (_, k) => k);
        continue;
      }
      classes.add(split(line, path, i).className);
      used?.push(i);
      size++;
    }
    if (size === 0) {
      throw new InputError(`Cannot open training set ${path}: expected "image class" lines, found none`);
    }
    const { labels, names } = classes.finish();
    this.name = name;
    this.size = size;
    this.classes = names.length;
    this.classNames = names;
    this.#path = path;
    this.#folder = dirname(path);
    this.#lines = lines;
    this.#lineOf = used && Uint32Array.from(used);
    this.#labels = labels;
  }

  /**
   * Reads a list, or the label.txt of a folder.
   *
   * @throws {InputError} if it cannot be read, is empty, or has a line of another form.
   */
  static open(path: string): ListSet {
    let list = path;
    try {
      if (Deno.statSync(path).isDirectory) list = join(path, "label.txt");
    } catch { /* reading it says why */ }
    return new ListSet(path, list, TextLines.read(list));
  }

  /** The label of sample `i`. */
  label(i: number): number {
    return this.#labels[i];
  }

  /** Where sample `i` is. */
  source(i: number): ImageSource {
    const line = this.#line(i);
    const { path } = split(this.#lines.line(line), this.#path, line);
    return { kind: "file", path: isAbsolute(path) ? path : join(this.#folder, path), label: this.#labels[i] };
  }

  /** Sample `i` in words. */
  sampleName(i: number): string {
    const line = this.#line(i);
    return `${split(this.#lines.line(line), this.#path, line).path} (line ${line + 1})`;
  }

  /** Nothing is held open. */
  [Symbol.dispose](): void {}

  #line(i: number): number {
    if (!(i >= 0 && i < this.size)) throw new RangeError(`sample ${i} of ${this.size}`);
    return this.#lineOf === undefined ? i : this.#lineOf[i];
  }
}

function split(line: string, list: string, index: number): { path: string; className: string } {
  const match = /^\s*(.*\S)\s+(\S+)\s*$/.exec(line);
  // a NUL byte would end a path early in the operating system
  if (match !== null && !line.includes("\0")) return { path: match[1], className: match[2] };
  throw new InputError(
    `Cannot read the list ${list}: expected "image class" on line ${index + 1}, found ${
      JSON.stringify(line.slice(0, 60))
    }`,
  );
}
