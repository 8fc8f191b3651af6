import { ImageDecoder } from "../data/image_decoder.ts";
import { ioError } from "../data/io_error.ts";
import { InputError } from "../errors.ts";
import { embedImages, type EmbedOptions } from "../eval/embed.ts";
import { type Gpu, startWebGPU } from "../gpu/start_webgpu.ts";
import type { Backbone } from "../nn/backbone.ts";
import { readBackbone } from "./model_file.ts";
import type { ModelHints } from "./read_model.ts";

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
export interface LoadModelOptions extends ModelHints {
  /** Decoding workers. @default one fewer than cores, at most 4 */
  readonly workers?: number;
  /** The device to load it on. @default the one startWebGPU gives */
  readonly gpu?: Gpu;
}

/**
 * Loads a model from a .safetensors file, a checkpoint, a .pth or .pt of PyTorch, or a run's folder (its best model, else its newest
 * checkpoint). Where a file does not say which backbone it holds, names and shapes tell; options win over both.
 *
 * @throws {InputError} (as a rejection) if there is none, or it is damaged or of another kind.
 *
 * @example
 * ```ts ignore
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
  const backbone = readBackbone(gpu, file, options);
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
      `Cannot load model ${path}: expected a .safetensors or .pth file or a run's folder, found nothing there`,
    );
  }
  if (info.isFile) return path;
  const names = listFolder(path).sort();
  const ours = names.filter((name) => name.endsWith(".safetensors"));
  const torch = names.filter((name) => /\.(pth|pt)$/.test(name));
  const best = ours.find((name) => name.startsWith("best_"));
  const newest = ours.filter((name) => name.startsWith("checkpoint_")).at(-1);
  const only = (list: string[]) => list.length === 1 ? list[0] : undefined;
  const found = best ?? newest ?? only(ours) ?? (ours.length === 0 ? torchModel(torch) : undefined);
  if (found === undefined) {
    const others = [...ours, ...torch];
    throw new InputError(
      `Cannot load model from ${path}: expected best_*.safetensors or checkpoint_*.safetensors, found ${
        others.length === 0 ? "no .safetensors or .pth file" : others.slice(0, 3).join(", ")
      }; name the file`,
    );
  }
  return `${path.replace(/\/+$/, "")}/${found}`;
}

/** The model in a folder of PyTorch's training codes: the best, the backbone, or the only one. */
function torchModel(names: string[]): string | undefined {
  const best = names.filter((name) => name.startsWith("best_"));
  if (best.length === 1) return best[0];
  return names.find((name) => /^(model|backbone)\.(pth|pt)$/.test(name)) ?? (names.length === 1 ? names[0] : undefined);
}

function listFolder(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    throw ioError("load model from", path, error);
  }
}
