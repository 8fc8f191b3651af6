import { crc32 } from "node:zlib";
import { ImageDecoder } from "../data/image_decoder.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";
import { backboneChecksum } from "./backbone_checksum.ts";
import { decodeBatches, type EmbedSources } from "./embed_sources.ts";
import { embedStream } from "./embed_stream.ts";
import { EmbeddingFile } from "./embedding_file.ts";
import { alignedBatches, type LandmarkList, landmarksChecksum } from "./landmark_list.ts";

/** How images are embedded into a file. */
export interface EmbedToFileOptions {
  /** Images computed at once. @default 64 */
  readonly batchSize?: number;
  /** Adds the embedding of the mirrored image. @default false */
  readonly flip?: boolean;
  /** Scales embeddings to unit length. @default false */
  readonly normalize?: boolean;
  /** Leaves corrupt images out, their names too. @default false: the first one stops it */
  readonly skipCorrupt?: boolean;
  /** Replaces files that are there, and begins anew. @default false */
  readonly force?: boolean;
  /** Decoding workers. @default one fewer than cores, at most 4 */
  readonly workers?: number;
  /** Aligns the faces by these landmarks. @default images are resized whole */
  readonly align?: LandmarkList;
  /** What to do about a corrupt image, said with its name. @default what `embed` can do: "--skip-corrupt leaves such out" */
  readonly remedy?: string;
  /** What to do about a file that is there already. @default what `embed` can do: --force */
  readonly existingRemedy?: string;
  /** The backbone's `backboneChecksum`, where it is known already. @default computed */
  readonly modelChecksum?: string;
  /** Told after each batch how many images are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops after the batch under way, with what is done saved. */
  readonly signal?: AbortSignal;
}

/** What was embedded. */
export interface EmbeddedFile {
  /** The .npy file. */
  readonly path: string;
  /** The names, one per line. */
  readonly namesPath: string;
  /** Rows in it. */
  readonly rows: number;
  /** Length of an embedding. */
  readonly dim: number;
  /** Images that an earlier process had done. */
  readonly resumed: number;
  /** Images left out, and why. */
  readonly corrupt: readonly { readonly name: string; readonly reason: string }[];
  /** Images per second of this process, decoding and computing together. */
  readonly imagesPerSecond: number;
  /** Whether it is whole; not so when the signal stopped it. */
  readonly finished: boolean;
}

/** What is done is noted at least so often: a killed process loses no more. */
const SAVE_EVERY_MS = 5000;

/**
 * Embeds images into a .npy file [n, dim] of float32 and a .txt of their names. Memory does not grow with the images; what was
 * interrupted goes on where it stopped when it is started again with the same model, images and options.
 *
 * @throws {InputError} (as a rejection) at the first corrupt image unless `skipCorrupt`, at the first embedding that is not finite, or if the
 * file cannot be written.
 */
export async function embedToFile(
  gpu: Gpu,
  backbone: Backbone,
  sources: EmbedSources,
  path: string,
  options: EmbedToFileOptions = {},
): Promise<EmbeddedFile> {
  const { batchSize = 64, flip = false, normalize = false, skipCorrupt = false, force, workers, onProgress, signal } =
    options;
  const { align, remedy = "--skip-corrupt leaves such out", existingRemedy, modelChecksum } = options;
  const { imageSize, embeddingSize: dim } = backbone.options;
  const key = JSON.stringify({
    model: modelChecksum ?? await backboneChecksum(backbone),
    images: crc32(new TextEncoder().encode(sources.identity)),
    count: sources.count,
    ...{ dim, imageSize, flip, normalize, skipCorrupt },
    align: align && landmarksChecksum(align),
  });
  using file = EmbeddingFile.open(path, { dim, key, force, existingRemedy });
  using decoder = new ImageDecoder({ imageSize, workers });
  const decode = align === undefined ? decodeBatches(sources, decoder) : alignedBatches(sources, decoder, align);
  const corrupt: { name: string; reason: string }[] = [];
  const started = performance.now();
  let saved = started;
  const stream = embedStream(gpu, backbone, sources.count, decode, { first: file.done, batchSize, flip, normalize });
  for await (const { first, count, embeddings, errors } of stream) {
    for (const [i, reason] of errors) {
      if (!skipCorrupt) {
        file.save();
        throw new InputError(`Cannot embed ${sources.nameOf(i)}: ${found(reason)}; ${remedy}`);
      }
      corrupt.push({ name: sources.nameOf(i), reason });
    }
    const good = Array.from({ length: count }, (_, i) => first + i).filter((i) => !errors.has(i));
    const rows = errors.size === 0 ? embeddings : new Float32Array(good.length * dim);
    if (errors.size > 0) {
      good.forEach((i, row) => rows.set(embeddings.subarray((i - first) * dim, (i - first + 1) * dim), row * dim));
    }
    const wrong = rows.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      file.save();
      throw new InputError(
        `Cannot embed ${sources.nameOf(good[Math.floor(wrong / dim)])}: expected finite numbers from the model, found ${
          rows[wrong]
        } as value ${wrong % dim}; the model's weights are damaged, or do not fit its images`,
      );
    }
    file.append(rows, good.map((i) => sources.nameOf(i)), first + count);
    onProgress?.(file.done, sources.count);
    const stopped = signal?.aborted ?? false;
    if (stopped || performance.now() - saved > SAVE_EVERY_MS) {
      file.save();
      saved = performance.now();
    }
    if (stopped) break;
  }
  const finished = file.done === sources.count;
  const seconds = (performance.now() - started) / 1000;
  const imagesPerSecond = (file.done - file.resumed) / seconds;
  if (finished) file.finish();
  return {
    ...{ path, namesPath: file.namesPath, rows: file.rows, dim, resumed: file.resumed },
    ...{ corrupt, imagesPerSecond, finished },
  };
}

/** What the codec or the alignment says, without its own advice. */
function found(reason: string): string {
  return reason.replace(/^C/, "c").replace(/;[^;]*$/, "");
}
