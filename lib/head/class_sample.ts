import { Random } from "../data/random.ts";
import * as tf from "../deps/tfjs.ts";
import { placesKernel, putRowsKernel, takeRowsKernel } from "../gpu/kernels/class_sample.ts";
import { rowsPerBinding, tableRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { ClassShare } from "./class_share.ts";

/** Names the draws among the streams of a seed. */
const STREAM = 0x5a4d;

/**
 * The classes that take part in a step of Partial FC: those of all samples' labels, and random others, `count` in all, sorted. A function of
 * its arguments alone.
 *
 * @source An et al., "Partial FC: Training 10 Million Identities on a Single Machine", 2021
 */
export function sampleClasses(
  { first, count: all }: ClassShare,
  count: number,
  labels: Int32Array,
  { seed, step }: { readonly seed: number; readonly step: number },
): Int32Array<ArrayBuffer> {
  const random = new Random(seed, STREAM, step);
  const isIn = new Uint8Array(all);
  let found = 0;
  const add = (place: number) => {
    if (isIn[place] === 1) return;
    isIn[place] = 1;
    found++;
  };
  for (const label of labels) if (label >= first && label < first + all) add(label - first);
  while (found < count) add(random.below(all));
  const ids = new Int32Array(count);
  for (let place = 0, at = 0; place < all; place++) if (isIn[place] === 1) ids[at++] = first + place;
  return ids;
}

/** Classes that take part in a step, on the device: written before the step, read in it. */
export class ClassSample {
  /** Their numbers, sorted, [count] int32. */
  readonly ids: tf.Tensor1D;
  readonly #gpu: Gpu;
  readonly #share: ClassShare;
  readonly #seed: number;

  /** As many of a share of the classes as `rate` says, yet no fewer than a batch may have labels. */
  constructor(gpu: Gpu, share: ClassShare, rate: number, batch: number, seed: number) {
    this.#gpu = gpu;
    this.#share = share;
    this.#seed = seed;
    const count = Math.min(share.count, Math.max(Math.ceil(rate * share.count), batch));
    this.ids = tf.keep(tf.tensor1d(Int32Array.from({ length: count }, (_, i) => share.first + i), "int32"));
    gpu.kernels.buffer(this.ids);
  }

  /** Draws those of a step, whose samples, of all ranks, have these labels. */
  draw(labels: Int32Array, step: number): void {
    const ids = sampleClasses(this.#share, this.ids.size, labels, { seed: this.#seed, step });
    this.#gpu.kernels.write(this.ids, ids);
  }

  /** Their rows of a table that has this share of the classes, [count, dim]. */
  take(table: readonly tf.Tensor[]): tf.Tensor {
    const dim = table[0].shape[1]!;
    const rows = this.ids.size;
    const taken = this.#gpu.kernels.empty([rows, dim]);
    for (const { first, count, of } of this.#ranges(table)) {
      this.#gpu.kernels.run(takeRowsKernel({ rows, dim, classes: count }), [this.ids, first, of(table)], [taken]);
    }
    return taken;
  }

  /** Puts such rows back. */
  put(taken: tf.Tensor, table: readonly tf.Tensor[]): void {
    const dim = table[0].shape[1]!;
    const rows = this.ids.size;
    for (const { first, count, of } of this.#ranges(table)) {
      this.#gpu.kernels.run(putRowsKernel({ rows, dim, classes: count }), [this.ids, first, taken], [of(table)]);
    }
  }

  /** Place of each label among them; -1 for that of a class that takes no part here. */
  places(labels: tf.Tensor1D): tf.Tensor1D {
    const spec = placesKernel(labels.size, this.ids.size);
    return this.#gpu.kernels.run(spec, [this.ids, labels], [{ shape: labels.shape, dtype: "int32" }])[0] as tf.Tensor1D;
  }

  #ranges(table: readonly tf.Tensor[]) {
    return tableRanges(table, rowsPerBinding(this.#gpu, table[0].shape[1]!)).map(({ first, count, of }) => ({
      first: tf.tensor1d([this.#share.first + first], "int32"),
      count,
      of,
    }));
  }

  /** Frees the GPU's memory. */
  dispose(): void {
    this.ids.dispose();
  }
}
