import { InputError } from "../errors.ts";
import type { ImageSource } from "./image_source.ts";
import { readSampleList } from "./sample_list.ts";
import type { TrainingSet } from "./training_set.ts";

/** Some samples of a training set, under new numbers 0 … size-1. Labels, and the number of classes, stay those of the set. */
export class SampleSubset implements TrainingSet {
  /** The set's path, and the list's. */
  readonly name: string;
  /** Number of samples. */
  readonly size: number;
  /** Number of classes of the whole set. */
  readonly classes: number;
  /** Height and width written in the set's `property`. */
  readonly imageSize: readonly [number, number] | undefined;
  /** The whole set. */
  readonly set: TrainingSet;
  /** Its samples that are in this one, rising. */
  readonly samples: Uint32Array;

  /**
   * The samples of `set` that the list at `path` names. The set is closed with it.
   *
   * @throws {InputError} if the list is damaged or of a set of another size.
   */
  constructor(set: TrainingSet, path: string) {
    const { samples, of } = readSampleList(path);
    if (of !== set.size) {
      throw new InputError(
        `Cannot use the sample list ${path}: expected a list of ${set.size} samples, as ${set.name} has, found one of ${of}; ` +
          "make it anew with tools/sample_dataset.ts",
      );
    }
    this.name = `${set.name} (${path})`;
    this.size = samples.length;
    this.classes = set.classes;
    this.imageSize = set.imageSize;
    this.set = set;
    this.samples = samples;
  }

  /** Where sample `i` is. */
  source(i: number): ImageSource {
    return this.set.source(this.#sample(i));
  }

  /** Sample `i` in words. */
  sampleName(i: number): string {
    return this.set.sampleName(this.#sample(i));
  }

  /** Closes the set. */
  [Symbol.dispose](): void {
    this.set[Symbol.dispose]();
  }

  #sample(i: number): number {
    if (!(i >= 0 && i < this.size)) throw new RangeError(`sample ${i} of ${this.size}`);
    return this.samples[i];
  }
}
