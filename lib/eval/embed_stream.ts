import * as tf from "../deps/tfjs.ts";
import { imageWords, unpackImages } from "../gpu/ops/unpack_images.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";
import type { ImageBatches } from "./embed_sources.ts";

/** How a stream of embeddings is made. */
export interface EmbedStreamOptions {
  /** The first image that is wanted. @default 0 */
  readonly first?: number;
  /** Images computed at once. @default 64 */
  readonly batchSize?: number;
  /** Adds the embedding of the mirrored image. @default false */
  readonly flip?: boolean;
  /** Scales embeddings to unit length. @default false */
  readonly normalize?: boolean;
}

/** Embeddings of some images in a row. */
export interface EmbeddedBatch {
  /** Number of the first image. */
  readonly first: number;
  /** Images in it. */
  readonly count: number;
  /** [count, dim], row-major; zeros where an image could not be decoded. */
  readonly embeddings: Float32Array;
  /** Why, by the image's number. */
  readonly errors: ReadonlyMap<number, string>;
}

/**
 * Embeddings of any number of images, a batch at a time: memory does not grow with them. The next batch is decoded while the GPU
 * computes this one, and all have the same shape, the last filled up, so that a count compiles no kernels of its own.
 */
export async function* embedStream(
  gpu: Gpu,
  backbone: Backbone,
  count: number,
  decode: ImageBatches,
  options: EmbedStreamOptions = {},
): AsyncGenerator<EmbeddedBatch> {
  const { first: start = 0, batchSize = 64, flip = false, normalize = false } = options;
  const batch = Math.max(1, Math.min(batchSize, count));
  const { imageSize, embeddingSize } = backbone.options;
  const bytes = imageSize * imageSize * 3;
  const decodeFrom = (first: number) => first < count ? decode(first, Math.min(batch, count - first)) : undefined;
  let next = decodeFrom(start);
  for (let first = start; first < count; first += batch) {
    const decoded = await next!;
    next = decodeFrom(first + batch);
    next?.catch(() => {}); // it is awaited in its turn; until then nobody looks at it
    const pixels = new Uint8Array(batch * bytes);
    const errors = new Map<number, string>();
    for (const [i, { pixels: one, error }] of decoded.entries()) {
      if (one) pixels.set(one, i * bytes);
      else errors.set(first + i, error ?? "no image");
    }
    const sum = tf.tidy(() => {
      const words = tf.tensor1d(imageWords(pixels), "int32");
      const run = (mirrored: 0 | 1) => {
        const flips = tf.tensor1d(new Int32Array(batch).fill(mirrored), "int32");
        return backbone.forward(unpackImages(gpu, words, imageSize, flips), false);
      };
      return flip ? run(0).add(run(1)) : run(0);
    });
    let values: Float32Array;
    try {
      values = await gpu.kernels.read(sum);
    } finally {
      sum.dispose();
    }
    const embeddings = values.slice(0, decoded.length * embeddingSize);
    for (const i of errors.keys()) embeddings.fill(0, (i - first) * embeddingSize, (i - first + 1) * embeddingSize);
    if (normalize) normalizeRows(embeddings, embeddingSize);
    yield { first, count: decoded.length, embeddings, errors };
  }
}

/** Scales each row to unit length; rows of zeros stay. */
export function normalizeRows(rows: Float32Array, dim: number): void {
  for (let at = 0; at < rows.length; at += dim) {
    let sum = 0;
    for (let i = at; i < at + dim; i++) sum += rows[i] ** 2;
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let i = at; i < at + dim; i++) rows[i] *= scale;
  }
}
