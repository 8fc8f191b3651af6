import { ImageDecoder } from "../data/image_decoder.ts";
import { InputError } from "../errors.ts";
import { embedImages, type EmbedOptions } from "../eval/embed.ts";
import { type Gpu, startWebGPU } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";
import { readBackbone } from "./model_file.ts";

/** A trained model, ready to embed. */
export interface Model extends Disposable {
  /** The file its weights came from. */
  readonly path: string;
  /** The network. */
  readonly backbone: Backbone;
  /** Length of an embedding. */
  readonly dim: number;
  /**
   * Embeddings [n, dim], row-major, of encoded images (JPEG or PNG); not normalised.
   *
   * @throws {InputError} (as a rejection) at the first image that cannot be decoded.
   */
  embed(images: readonly Uint8Array[], options?: EmbedOptions): Promise<Float32Array>;
  /** Ends the decoding workers and frees the GPU's memory. */
  close(): void;
}

/** How a model is loaded. */
export interface LoadModelOptions {
  /** Decoding workers. @default one fewer than cores, at most 4 */
  readonly workers?: number;
  /** The device to load it on. @default the one startWebGPU gives */
  readonly gpu?: Gpu;
}

/**
 * Loads a model from a .safetensors file, a checkpoint, or a run's folder (its best model, else its newest checkpoint).
 *
 * @throws {InputError} (as a rejection) if there is none, or it is damaged or of another kind.
 *
 * @example
 * ```ts no-eval
 * import { loadModel } from "./load_model.ts";
 *
 * using model = await loadModel("work_dirs/demo/exp1");
 * const embeddings = await model.embed([Deno.readFileSync("a.jpg"), Deno.readFileSync("b.jpg")]);
 * console.log(embeddings.length === 2 * model.dim);
 * ```
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  const file = findModelFile(path);
  const gpu = options.gpu ?? await startWebGPU();
  const backbone = readBackbone(gpu, file);
  let decoder: ImageDecoder | undefined;
  const close = () => {
    decoder?.close();
    decoder = undefined;
    backbone.dispose();
  };
  return {
    path: file,
    backbone,
    dim: backbone.options.embeddingSize,
    embed(images, embedOptions) {
      decoder ??= new ImageDecoder({ imageSize: backbone.options.imageSize, workers: options.workers });
      return embedImages(gpu, backbone, decoder, images.length, (i) => images[i], embedOptions);
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** The file to load for a path: itself, or in a run's folder the best model, else the newest checkpoint. */
export function findModelFile(path: string): string {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    throw new InputError(
      `Cannot load model ${path}: expected a .safetensors file or a run's folder, found nothing there`,
    );
  }
  if (info.isFile) return path;
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) => name.endsWith(".safetensors"))
    .sort();
  const best = names.find((name) => name.startsWith("best_"));
  const newest = names.filter((name) => name.startsWith("checkpoint_")).at(-1);
  const found = best ?? newest ?? (names.length === 1 ? names[0] : undefined);
  if (found === undefined) {
    throw new InputError(
      `Cannot load model from ${path}: expected best_*.safetensors or checkpoint_*.safetensors, found ${
        names.length === 0 ? "no .safetensors file" : names.slice(0, 3).join(", ")
      }`,
    );
  }
  return `${path.replace(/\/+$/, "")}/${found}`;
}
