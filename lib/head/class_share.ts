import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Parameters, TableOptions } from "../nn/parameters.ts";
import { ClassSample } from "./class_sample.ts";
import type { ClassSplit } from "./split_softmax.ts";
import { xavierUniform } from "./xavier.ts";

/** A run of the classes. */
export interface ClassShare {
  /** Number of the first. */
  readonly first: number;
  /** How many. */
  readonly count: number;
}

/** Classes that rank `rank` of `ranks` keeps of so many: the shares differ by one at most. */
export function classShare(classes: number, rank: number, ranks: number): ClassShare {
  const bound = (k: number) => Math.floor(classes * k / ranks);
  return { first: bound(rank), count: bound(rank + 1) - bound(rank) };
}

/** What of a head's options its tables are made from. */
export interface ClassTableOptions {
  readonly classes: number;
  readonly embeddingSize: number;
  readonly partRows?: number;
  readonly split?: ClassShare;
}

/** Declares a table of a head, [classes, dim], or the rows of its share of the classes: the very ones the whole table would have. */
export function addClassTable(
  parameters: Parameters,
  name: string,
  { classes, embeddingSize, partRows, split = { first: 0, count: classes } }: ClassTableOptions,
  options: Pick<TableOptions, "trainable"> = {},
): Tensor[] {
  const init = xavierUniform(classes, embeddingSize);
  const { first, count } = split;
  return parameters.addTable(name, [count, embeddingSize], init, { ...options, partRows, firstRow: first });
}

/** How a head's classes are divided, for its loss. */
export function splitOf({ classes, split }: ClassTableOptions): ClassSplit | undefined {
  return split && { first: split.first, total: classes };
}

/** What of a head's options its sampling is made from. */
export interface ClassSampleOptions {
  readonly classes: number;
  readonly seed?: number;
  readonly split?: ClassShare;
  readonly sampleRate?: number;
  readonly batchSize?: number;
}

/** How a head's classes are sampled: not at all at a rate of 1. */
export function sampleOf(
  gpu: Gpu,
  { classes, seed = 21, split = { first: 0, count: classes }, sampleRate = 1, batchSize = 0 }: ClassSampleOptions,
): ClassSample | undefined {
  return sampleRate < 1 ? new ClassSample(gpu, split, sampleRate, batchSize, seed) : undefined;
}
