import { InputError } from "../errors.ts";
import { type Backbone, BACKBONES, createBackbone } from "../nn/backbone.ts";
import type { StateDict } from "../nn/parameters.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { readSafetensors, type TensorData, toFloat32, writeSafetensors } from "./safetensors.ts";

/** What a model file says of itself besides its weights; kept as text, as safetensors metadata are. */
export interface ModelFacts {
  /** Backbone, such as `iresnet18`. */
  readonly model: string;
  readonly width: number;
  readonly imageSize: number;
  readonly embeddingSize: number;
}

/** Order of an image's channels and what is done to them; every model of ours is trained so. */
const INPUT_FACTS = { color_order: "RGB", normalization: "(x / 255 - 0.5) / 0.5", layout: "NHWC" };

/** Tensors whose names begin so belong to training, not to the backbone. */
const TRAINING_PREFIXES = ["head.", "velocity."];

/** Writes a backbone's weights under PyTorch's names, with what is needed to build it again. */
export function writeModel(
  path: string,
  backbone: Backbone,
  state: StateDict,
  more: Record<string, string> = {},
): void {
  writeSafetensors(path, asTensorData(state), { ...backboneMetadata(backbone), ...more }, { force: true });
}

/** The metadata that {@linkcode readBackbone} needs. */
export function backboneMetadata({ name, options }: Backbone): Record<string, string> {
  return {
    model: name,
    width: String(options.width),
    image_size: String(options.imageSize),
    embedding_size: String(options.embeddingSize),
    ...INPUT_FACTS,
  };
}

/** State of a model as tensors of a safetensors file. */
export function asTensorData(state: StateDict): Map<string, TensorData> {
  return new Map([...state].map(([name, { shape, data }]) => [name, { dtype: "F32", shape: [...shape], data }]));
}

/**
 * Makes the backbone that a model file or a checkpoint holds.
 *
 * @throws {InputError} if the file is damaged, is not a model of ours, or does not fit its own description.
 */
export function readBackbone(gpu: Gpu, path: string): Backbone {
  const { tensors, metadata } = readSafetensors(path);
  const facts = parseFacts(path, metadata);
  const { model, ...dials } = facts;
  const backbone = createBackbone(gpu, model, dials);
  try {
    backbone.parameters.load(backboneState(tensors), path);
  } catch (error) {
    backbone.dispose();
    throw error;
  }
  return backbone;
}

/** The backbone's tensors among those of a file, as float32. */
export function backboneState(tensors: Map<string, TensorData>): StateDict {
  const state: StateDict = new Map();
  for (const [name, tensor] of tensors) {
    if (TRAINING_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    state.set(name, { shape: tensor.shape, data: toFloat32(tensor) });
  }
  return state;
}

/** Reads the facts of a backbone from a file's metadata. */
export function parseFacts(path: string, metadata: Readonly<Record<string, string>>): ModelFacts {
  const { model, width, image_size, embedding_size } = metadata;
  if (model === undefined) {
    throw new InputError(
      `Cannot load model ${path}: expected metadata "model", "width", "image_size", "embedding_size", found no "model"; ` +
        `it was not written by this toolkit`,
    );
  }
  if (!BACKBONES.includes(model)) {
    throw new InputError(
      `Cannot load model ${path}: expected model to be one of ${BACKBONES.join(", ")}, found ${model}`,
    );
  }
  const number = (name: string, text: string | undefined) => {
    const value = Number(text);
    if (text === undefined || !Number.isFinite(value)) {
      throw new InputError(
        `Cannot load model ${path}: expected metadata "${name}" to be a number, found ${text ?? "none"}`,
      );
    }
    return value;
  };
  return {
    model,
    width: number("width", width),
    imageSize: number("image_size", image_size),
    embeddingSize: number("embedding_size", embedding_size),
  };
}
