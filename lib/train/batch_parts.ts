import type { Batch } from "../data/loader.ts";
import * as tf from "../deps/tfjs.ts";
import { unpackImages } from "../gpu/ops/unpack_images.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { TrainingPart } from "./training_step.ts";

/** A batch of images `imageSize` pixels a side, cut into at most `count` parts as equal as can be. */
export function batchParts(gpu: Gpu, batch: Batch, imageSize: number, count: number): TrainingPart[] {
  const size = Math.ceil(batch.size / count);
  const bytes = imageSize * imageSize * 3;
  const parts: TrainingPart[] = [];
  for (let first = 0; first < batch.size; first += size) {
    const last = Math.min(first + size, batch.size);
    parts.push({
      size: last - first,
      upload: () => ({
        images: unpackImages(
          gpu,
          batch.images.subarray(first * bytes, last * bytes),
          imageSize,
          batch.flips.subarray(first, last),
        ),
        labels: tf.tensor1d(batch.labels.subarray(first, last), "int32"),
      }),
    });
  }
  return parts;
}
