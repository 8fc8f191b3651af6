import { type Backbone, createBackbone } from "../nn/backbone.ts";
import type { StateDict } from "../nn/parameters.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { NetworkFacts } from "./network_plan.ts";
import { type ModelHints, NORMALIZATION, readModel } from "./read_model.ts";
import { type TensorData, toFloat32, writeSafetensors } from "./safetensors.ts";

/** Order of an image's channels and what is done to them; every model of ours is trained so. */
const INPUT_FACTS = { color_order: "RGB", normalization: NORMALIZATION, layout: "NHWC" };

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
  return modelMetadata({ ...options, model: name });
}

/** The metadata of a model with these facts. */
export function modelMetadata({ model, width, imageSize, embeddingSize }: NetworkFacts): Record<string, string> {
  return {
    model,
    width: String(width),
    image_size: String(imageSize),
    embedding_size: String(embeddingSize),
    ...INPUT_FACTS,
  };
}

/** State of a model as tensors of a safetensors file. */
export function asTensorData(state: StateDict): Map<string, TensorData> {
  return new Map([...state].map(([name, { shape, data }]) => [name, { dtype: "F32", shape: [...shape], data }]));
}

/**
 * Makes the backbone that a model file or a checkpoint holds, in any of the formats of {@linkcode readModel}.
 *
 * @throws {InputError} if the file is damaged, is no model, or does not fit its own description or `hints`.
 */
export function readBackbone(gpu: Gpu, path: string, hints: ModelHints = {}): Backbone {
  const { model, width, imageSize, embeddingSize, state } = readModel(path, hints);
  const backbone = createBackbone(gpu, model, { width, imageSize, embeddingSize });
  try {
    backbone.parameters.load(state, path);
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
