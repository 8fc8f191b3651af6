import type { ImageSource } from "./image_source.ts";

/** A set of labelled images, whatever its files are. Samples are numbered 0 … size-1. */
export interface TrainingSet extends Disposable {
  /** The path as the user gave it. */
  readonly name: string;
  /** Number of samples. */
  readonly size: number;
  /** Number of classes; labels are 0 … classes-1. */
  readonly classes: number;
  /** Height and width written in `property`, where there is one. */
  readonly imageSize: readonly [number, number] | undefined;
  /** Where sample `i` is. */
  source(i: number): ImageSource;
  /** Sample `i` in words a user can look up: "key 17" or a file's path. */
  sampleName(i: number): string;
}
