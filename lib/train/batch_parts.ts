import type { Batch } from "../data/loader.ts";
import { imageWords, unpackImages } from "../gpu/ops/unpack_images.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { TrainingPart } from "./training_part.ts";

/** A batch of images `imageSize` pixels a side, cut into at most `count` parts as equal as can be. */
export function batchParts(gpu: Gpu, batch: Batch, imageSize: number, count: number): TrainingPart[] {
  const size = Math.ceil(batch.size / count);
  const bytes = imageSize * imageSize * 3;
  const parts: TrainingPart[] = [];
  for (let first = 0; first < batch.size; first += size) {
    const last = Math.min(first + size, batch.size);
    parts.push({
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
    });
  }
  return parts;
}
