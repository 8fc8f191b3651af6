import type { ImageDecoder } from "../data/image_decoder.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";
import { embedStream } from "./embed_stream.ts";

/** How images become embeddings. */
export interface EmbedOptions {
  /** Images computed at once. @default 64 */
  readonly batchSize?: number;
  /** Adds the embedding of the mirrored image. @default false */
  readonly flip?: boolean;
  /** Called after each batch with the images done so far. */
  readonly progress?: (done: number) => void;
  /** Name of image `i` in messages. @default "image i" */
  readonly nameOf?: (i: number) => string;
  /** [count, 10]: x and y of five landmarks of each image, to align the faces by. @default images are resized whole */
  readonly landmarks?: Float64Array;
}

/**
 * Embeddings [count, dim], not normalised, of encoded images, which are asked for one batch at a time. Every batch has the same shape:
 * the last is filled up, so that a set's size compiles no kernels of its own.
 *
 * @throws {InputError} at the first image that cannot be decoded, or if landmarks are not ten per image.
 */
export async function embedImages(
  gpu: Gpu,
  backbone: Backbone,
  decoder: ImageDecoder,
  count: number,
  image: (i: number) => Uint8Array,
  options: EmbedOptions = {},
): Promise<Float32Array> {
  const { batchSize = 64, flip = false, progress, nameOf = (i) => `image ${i}`, landmarks } = options;
  if (landmarks !== undefined && landmarks.length !== 10 * count) {
    throw new InputError(
      `Cannot embed: expected ten numbers of landmarks for each of ${count} images, found ${landmarks.length}; give [count, 10]`,
    );
  }
  const dim = backbone.options.embeddingSize;
  const result = new Float32Array(count * dim);
  const decode = (first: number, images: number) =>
    decoder.decode(Array.from({ length: images }, (_, i) => ({ kind: "bytes" as const, bytes: image(first + i) })), {
      landmarks: landmarks?.subarray(10 * first, 10 * (first + images)),
    });
  for await (const batch of embedStream(gpu, backbone, count, decode, { batchSize, flip })) {
    for (const [i, error] of batch.errors) {
      throw new InputError(`Cannot embed ${nameOf(i)}: expected a JPEG or PNG image, found ${error}`);
    }
    result.set(batch.embeddings, batch.first * dim);
    progress?.(batch.first + batch.count);
  }
  return result;
}
