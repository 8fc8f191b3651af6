import type { Tensor2D, Tensor4D } from "../gpu/tensor.ts";
import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Together } from "../gpu/together.ts";
import { buildIResNet, IRESNET_BLOCKS } from "./iresnet.ts";
import { buildMobileFaceNet, MOBILEFACENET_SHAPES } from "./mobilefacenet.ts";
import { Parameters } from "./parameters.ts";

/** Names of the backbones. */
export const BACKBONES = [...Object.keys(IRESNET_BLOCKS), ...Object.keys(MOBILEFACENET_SHAPES)] as readonly string[];

/** The dials of a backbone. */
export interface BackboneOptions {
  /** Multiplies every channel count. @default 1 */
  readonly width?: number;
  /** Height and width of the images. @default 112 */
  readonly imageSize?: number;
  /** Length of an embedding. @default 512 */
  readonly embeddingSize?: number;
  /** Seed of the initial weights. @default 21 */
  readonly seed?: number;
  /**
   * `mixed` keeps what training needs between the layers in half precision, and multiplies in it where the adapter can; parameters,
   * sums, statistics and gradients stay float32. Outside training nothing changes. @default "f32"
   */
  readonly precision?: Precision;
}

/** How a backbone is one of several that take training steps together. */
export interface SharedStatistics {
  /** Ranks over whose images batch-norms take their statistics in training. @default this one alone */
  readonly together?: Together;
}

/** In what training computes. */
export type Precision = "f32" | "mixed";

/** A network from images to embeddings. */
export interface Backbone {
  /** Its name, such as `iresnet18`. */
  readonly name: string;
  /** Its dials, defaults filled in. */
  readonly options: Required<BackboneOptions>;
  /** Weights and buffers by PyTorch name. */
  readonly parameters: Parameters;
  /**
   * Embeddings [batch, embeddingSize] of images [batch, imageSize, imageSize, 4], red, green, blue in [-1, 1] and a fourth
   * channel of zeros. In training, batch statistics are used and the running ones move.
   */
  forward(images: Tensor4D, training: boolean): Tensor2D;
  /** Frees the GPU's memory. */
  dispose(): void;
}

/** A backbone's layers, from images to embeddings. */
export type BackboneForward = (images: Tensor4D, training: boolean) => Tensor2D;

/**
 * Makes a backbone with fresh weights.
 *
 * @throws {InputError} if the name is not one of {@linkcode BACKBONES} or a dial is out of range.
 *
 * @example
 * ```ts ignore
 * import { createBackbone } from "./backbone.ts";
 * import { startWebGPU } from "../gpu/start_webgpu.ts";
 *
 * const backbone = createBackbone(await startWebGPU(), "iresnet18", { width: 0.25, imageSize: 56 });
 * console.log(backbone.parameters.size);
 * ```
 */
export function createBackbone(
  gpu: Gpu,
  name: string,
  options: BackboneOptions = {},
  { together }: SharedStatistics = {},
): Backbone {
  const dials = {
    width: options.width ?? 1,
    imageSize: options.imageSize ?? 112,
    embeddingSize: options.embeddingSize ?? 512,
    seed: options.seed ?? 21,
    precision: options.precision ?? "f32",
  };
  const { width, imageSize, embeddingSize, precision } = dials;
  const refuse = (what: string, expected: string, found: unknown) => {
    throw new InputError(`Cannot make backbone ${name}: expected ${what} ${expected}, found ${found}`);
  };
  if (!(width > 0 && width <= 8)) refuse("width", "over 0 and at most 8", width);
  if (!(Number.isInteger(imageSize) && imageSize >= 16 && imageSize <= 1024)) {
    refuse("image size", "16 to 1024", imageSize);
  }
  if (!(Number.isInteger(embeddingSize) && embeddingSize >= 1 && embeddingSize <= 8192)) {
    refuse("embedding size", "1 to 8192", embeddingSize);
  }
  const parameters = new Parameters(gpu, dials.seed);
  const context = { gpu, parameters, half: precision === "mixed", together };
  let forward: BackboneForward;
  if (Object.hasOwn(IRESNET_BLOCKS, name)) forward = buildIResNet(context, IRESNET_BLOCKS[name], dials);
  else if (Object.hasOwn(MOBILEFACENET_SHAPES, name)) {
    forward = buildMobileFaceNet(context, MOBILEFACENET_SHAPES[name], dials);
  } else throw new InputError(`Cannot make backbone: expected one of ${BACKBONES.join(", ")}, found ${name}`);
  return { name, options: dials, parameters, forward, dispose: () => parameters.dispose() };
}
