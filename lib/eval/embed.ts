import type { ImageDecoder } from "../data/image_decoder.ts";
import * as tf from "../deps/tfjs.ts";
import { InputError } from "../errors.ts";
import { unpackImages } from "../gpu/ops/unpack_images.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";

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
}

/**
 * Embeddings [count, dim], not normalised, of encoded images, which are asked for one batch at a time. Every batch has the same shape:
 * the last is filled up, so that a set's size compiles no kernels of its own.
 *
 * @throws {InputError} at the first image that cannot be decoded.
 */
export async function embedImages(
  gpu: Gpu,
  backbone: Backbone,
  decoder: ImageDecoder,
  count: number,
  image: (i: number) => Uint8Array,
  options: EmbedOptions = {},
): Promise<Float32Array> {
  const { batchSize = 64, flip = false, progress, nameOf = (i) => `image ${i}` } = options;
  const batch = Math.max(1, Math.min(batchSize, count));
  const { imageSize, embeddingSize } = backbone.options;
  const result = new Float32Array(count * embeddingSize);
  const bytes = imageSize * imageSize * 3;
  const decode = (first: number) =>
    decoder.decode(Array.from(
      { length: Math.min(batch, count - first) },
      (_, i) => ({ kind: "bytes" as const, bytes: image(first + i) }),
    ));
  let next = count > 0 ? decode(0) : undefined;
  for (let first = 0; first < count; first += batch) {
    const decoded = await next!;
    // The next batch is decoded while the GPU computes this one.
    next = first + batch < count ? decode(first + batch) : undefined;
    next?.catch(() => {});
    const pixels = new Uint8Array(batch * bytes);
    for (const [i, { pixels: one, error }] of decoded.entries()) {
      if (!one) throw new InputError(`Cannot embed ${nameOf(first + i)}: expected a JPEG or PNG image, found ${error}`);
      pixels.set(one, i * bytes);
    }
    const sum = tf.tidy(() => {
      const run = (mirrored: 0 | 1) =>
        backbone.forward(unpackImages(gpu, pixels, imageSize, new Uint8Array(batch).fill(mirrored)), false);
      return flip ? run(0).add(run(1)) : run(0);
    });
    const values = await gpu.kernels.read(sum);
    sum.dispose();
    result.set(values.subarray(0, decoded.length * embeddingSize), first * embeddingSize);
    progress?.(first + decoded.length);
  }
  return result;
}
