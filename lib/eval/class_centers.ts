import { ImageDecoder } from "../data/image_decoder.ts";
import type { TrainingSet } from "../data/training_set.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";
import { type ClassMoments, ClassStatistics } from "./class_statistics.ts";
import { embedStream } from "./embed_stream.ts";

/** How a set's classes are summed up. */
export interface ClassCenterOptions {
  /** Images computed at once. @default 64 */
  readonly batchSize?: number;
  /** Adds the embedding of the mirrored image. @default false */
  readonly flip?: boolean;
  /** Decoding workers. @default one fewer than cores, at most 4 */
  readonly workers?: number;
  /** Told after each batch how many images are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** What was found of a set's classes. */
export interface ClassCenters extends ClassMoments {
  /** Length of an embedding. */
  readonly dim: number;
  /** Images that could not be decoded, left out. */
  readonly corrupt: number;
}

/**
 * Mean, spread and mean direction of a model's embeddings of each class of a training set, in one pass. No embedding is kept: memory
 * is three float64 rows per class and the batches under way.
 *
 * @throws {InputError} (as a rejection) if a label is no class of the set, or an embedding is not finite.
 */
export async function classCenters(
  gpu: Gpu,
  backbone: Backbone,
  set: TrainingSet,
  { batchSize = 64, flip, workers, onProgress }: ClassCenterOptions = {},
): Promise<ClassCenters> {
  const { imageSize, embeddingSize: dim } = backbone.options;
  using decoder = new ImageDecoder({ imageSize, workers });
  const sums = new ClassStatistics(set.classes, dim);
  const labels = new Map<number, (number | undefined)[]>();
  const decode = async (first: number, count: number) => {
    const images = await decoder.decode(Array.from({ length: count }, (_, i) => set.source(first + i)));
    labels.set(first, images.map(({ label }) => label));
    return images;
  };
  let corrupt = 0;
  for await (const batch of embedStream(gpu, backbone, set.size, decode, { batchSize, flip })) {
    const { first, count, embeddings, errors } = batch;
    for (const [i, label] of labels.get(first)!.entries()) {
      if (errors.has(first + i)) {
        corrupt++;
        continue;
      }
      if (!(label !== undefined && Number.isInteger(label) && label >= 0 && label < set.classes)) {
        throw new InputError(
          `Cannot sum up ${set.name}: expected ${set.sampleName(first + i)} to have a label from 0 to ${
            set.classes - 1
          }, found ${label ?? "none"}; mend the label or the number of classes`,
        );
      }
      sums.add(label, embeddings.subarray(i * dim, (i + 1) * dim), `${set.sampleName(first + i)} of ${set.name}`);
    }
    labels.delete(first);
    onProgress?.(first + count, set.size);
  }
  return { dim, corrupt, ...sums.finish() };
}
