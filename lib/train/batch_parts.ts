import type { Batch } from "../data/loader.ts";
import { shareBounds } from "../dist/reduce_parts.ts";
import { imageWords, unpackImages } from "../gpu/ops/unpack_images.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { TrainingPart } from "./training_part.ts";

/** A batch of images `imageSize` pixels a side, cut into at most `count` parts as equal as can be. */
export function batchParts(gpu: Gpu, batch: Batch, imageSize: number, count: number): TrainingPart[] {
  const size = Math.ceil(batch.size / count);
  const bounds: number[] = [];
  for (let first = 0; first < batch.size; first += size) bounds.push(first);
  return [...bounds, batch.size].slice(1).map((last, k) => partOf(gpu, batch, imageSize, bounds[k], last));
}

/**
 * A rank's share of a batch in at most `count` parts, as many for every rank; `shares` are all ranks' numbers of images. Where a part
 * has none of this rank's images, it is to compute the batch's first: a rank without images has one that does not count.
 */
export function sharedBatchParts(
  gpu: Gpu,
  batch: Batch,
  imageSize: number,
  count: number,
  { rank, shares }: { readonly rank: number; readonly shares: readonly number[] },
): TrainingPart[] {
  const bounds = shares.map((share) => shareBounds(share, count));
  return Array.from({ length: count }).flatMap((_, k) => {
    const sizes = bounds.map((of) => of[k + 1] - of[k]);
    if (sizes.every((size) => size === 0)) return [];
    const first = sizes[rank] === 0 ? 0 : bounds[rank][k];
    const part = partOf(gpu, batch, imageSize, first, first + Math.max(1, sizes[rank]));
    return [{ ...part, size: sizes[rank], shares: sizes }];
  });
}

function partOf(gpu: Gpu, batch: Batch, imageSize: number, first: number, last: number): TrainingPart {
  const bytes = imageSize * imageSize * 3;
  return {
    size: last - first,
    inputs: [
      imageWords(batch.images.subarray(first * bytes, last * bytes)),
      Int32Array.from(batch.flips.subarray(first, last)),
      batch.labels.subarray(first, last),
    ],
    unpack: ([words, flips, labels]) => ({
      images: unpackImages(gpu, words, imageSize, flips),
      labels: labels.clone(),
    }),
  };
}

/** Black images of the first class. */
export function blankBatch(imageSize: number, size: number): Batch {
  return {
    size,
    images: new Uint8Array(size * imageSize * imageSize * 3),
    labels: new Int32Array(size),
    flips: new Uint8Array(size),
    samples: new Uint32Array(size),
    position: 0,
  };
}
