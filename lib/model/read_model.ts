import { ByteFile } from "../data/byte_file.ts";
import { InputError } from "../errors.ts";
import { BACKBONES } from "../nn/backbone.ts";
import type { StateDict, StateTensor } from "../nn/parameters.ts";
import { type BackboneHints, inferBackbone } from "./infer_backbone.ts";
import { type NetworkFacts, planNetwork, planShapes } from "./network_plan.ts";
import { openSafetensors, readSafetensors, type TensorData, toFloat32 } from "./safetensors.ts";
import { backboneNames } from "./state_names.ts";
import { openTorchCheckpoint } from "./torch_checkpoint.ts";

/** Order of an image's colours. */
export type ColorOrder = "RGB" | "BGR";

/** What is known of a model beside its file. */
export interface ModelHints extends BackboneHints {
  /** Order of the colours it was trained on. @default what the file says, else "RGB" */
  readonly colorOrder?: ColorOrder;
}

/** A model's weights and all that is known of them; nothing of it is on the GPU. */
export interface StoredModel extends NetworkFacts {
  /** The file. */
  readonly path: string;
  /** Weights by PyTorch name, in PyTorch's order; for images in RGB. */
  readonly state: StateDict;
  /** Texts of the file, as they are in it; none for PyTorch's. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** What is done to an image's numbers before they go in; every model of ours is trained so. */
export const NORMALIZATION = "(x / 255 - 0.5) / 0.5";

/** Tensors whose names begin so belong to training, not to the backbone. */
const TRAINING_PREFIXES = ["head.", "velocity."];

/** Names listed in a message, of each kind. */
const MOST_LISTED = 4;

/** An open file of named tensors, whatever its format. */
interface TensorFile {
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  readonly metadata: Readonly<Record<string, string>>;
  read(name: string): TensorData;
  close(): void;
}

/**
 * Reads a model's weights: .safetensors or a checkpoint of ours, .safetensors of others, .pth and .pt of PyTorch. Where the file
 * does not say which backbone it is, names and shapes tell. Needs no GPU.
 *
 * @throws {InputError} if the file is damaged, or of another model: then missing, unexpected and wrongly shaped names are listed.
 *
 * @example
 * ```ts ignore
 * import { readModel } from "./read_model.ts";
 *
 * const { model, width, state } = readModel("ms1mv3_arcface_r50.pth");
 * console.log(model, width, state.size);
 * ```
 */
export function readModel(path: string, hints: ModelHints = {}): StoredModel {
  const file = openTensors(path);
  try {
    const { metadata } = file;
    const own = metadata.model !== undefined;
    const names = own
      ? new Map([...file.shapes.keys()].map((name) => [name, name]))
      : backboneNames(file.shapes.keys(), path);
    for (const name of names.keys()) {
      if (TRAINING_PREFIXES.some((prefix) => name.startsWith(prefix))) names.delete(name);
    }
    const shapes = new Map([...names].map(([name, stored]) => [name, file.shapes.get(stored)!]));
    const facts = own ? { ...parseFacts(path, metadata), ...given(hints) } : inferBackbone(shapes, path, hints);
    const expected = planShapes(planNetwork(facts));
    checkShapes(path, facts, expected, shapes);
    const state: StateDict = new Map(
      [...expected].map(([name, shape]) => [name, { shape, data: toFloat32(file.read(names.get(name)!)) }]),
    );
    if (colorOrder(path, metadata, hints) === "BGR") mirrorColors(state);
    return { path, ...facts, state, metadata };
  } finally {
    file.close();
  }
}

/** By its first bytes: a zip is PyTorch's. A name that says so gets PyTorch's messages for the older formats. */
function openTensors(path: string): TensorFile {
  if (/\.onnx$/i.test(path)) {
    throw new InputError(
      `Cannot load model ${path}: expected .safetensors, .pth or .pt, found .onnx, which is an export; ` +
        `give the model that it was exported from`,
    );
  }
  if (isTorch(path)) {
    const file = openTorchCheckpoint(path);
    return {
      shapes: new Map([...file.tensors].map(([name, { shape }]) => [name, shape])),
      metadata: {},
      read: (name) => file.read(name),
      close: () => file[Symbol.dispose](),
    };
  }
  const file = openSafetensors(path);
  if (file.metadata.model === undefined) {
    return {
      shapes: new Map([...file.tensors].map(([name, { shape }]) => [name, shape])),
      metadata: file.metadata,
      read: (name) => file.read(name),
      close: () => file[Symbol.dispose](),
    };
  }
  file[Symbol.dispose]();
  const { tensors, metadata } = readSafetensors(path); // whole: its checksum is looked at
  return {
    shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])),
    metadata,
    read: (name) => tensors.get(name)!,
    close: () => {},
  };
}

function isTorch(path: string): boolean {
  if (/\.(pth|pt|ckpt)$/i.test(path)) return true;
  using file = ByteFile.open(path, "load model");
  return file.size >= 4 && file.read(0, 4).join() === "80,75,3,4";
}

function given({ backbone, width, imageSize, embeddingSize }: BackboneHints): Partial<NetworkFacts> {
  const entries = Object.entries({ model: backbone, width, imageSize, embeddingSize });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** Lists what is missing, not expected, and of another shape. */
function checkShapes(
  path: string,
  { model, width, imageSize, embeddingSize }: NetworkFacts,
  expected: ReadonlyMap<string, readonly number[]>,
  found: ReadonlyMap<string, readonly number[]>,
): void {
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !expected.has(name));
  const wrong = [...expected].filter(([name, shape]) => found.has(name) && found.get(name)!.join() !== shape.join())
    .map(([name, shape]) => `${name} (expected [${shape.join(", ")}], found [${found.get(name)!.join(", ")}])`);
  if (missing.length + unexpected.length + wrong.length === 0) return;
  const list = (what: string, names: string[]) => {
    if (names.length === 0) return [];
    const more = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : "";
    return [`${what} ${names.slice(0, MOST_LISTED).join(", ")}${more}`];
  };
  const findings = [
    ...list("missing", missing),
    ...list("not expected", unexpected),
    ...list("of another shape", wrong),
  ];
  throw new InputError(
    `Cannot load weights from ${path}: they do not fit ${model} (width ${width}, image size ${imageSize}, embedding size ` +
      `${embeddingSize}): ${findings.join("; ")}; the file is of another model`,
  );
}

function colorOrder(path: string, metadata: Readonly<Record<string, string>>, hints: ModelHints): ColorOrder {
  const { normalization = NORMALIZATION } = metadata;
  if (normalization !== NORMALIZATION) {
    throw new InputError(
      `Cannot load model ${path}: expected normalization "${NORMALIZATION}", found "${normalization.slice(0, 80)}"`,
    );
  }
  const order = hints.colorOrder ?? metadata.color_order ?? "RGB";
  if (order === "RGB" || order === "BGR") return order;
  throw new InputError(`Cannot load model ${path}: expected color_order RGB or BGR, found ${order.slice(0, 40)}`);
}

/** Makes the first convolution read blue, green, red where it read red, green, blue. */
function mirrorColors(state: StateDict): void {
  const [name, { shape, data }] = [...state].find(([, { shape }]) => shape.length === 4) as [string, StateTensor];
  const taps = shape[2] * shape[3];
  const mirrored = new Float32Array(data.length);
  for (let o = 0; o < shape[0]; o++) {
    for (let i = 0; i < 3; i++) {
      const from = (o * 3 + i) * taps;
      mirrored.set(data.subarray(from, from + taps), (o * 3 + 2 - i) * taps);
    }
  }
  state.set(name, { shape, data: mirrored });
}

/** Reads the facts of a backbone from a file's metadata. */
function parseFacts(path: string, metadata: Readonly<Record<string, string>>): NetworkFacts {
  const { model, width, image_size, embedding_size } = metadata;
  if (!BACKBONES.includes(model)) {
    throw new InputError(
      `Cannot load model ${path}: expected model to be one of ${BACKBONES.join(", ")}, found ${model}`,
    );
  }
  const number = (name: string, text: string | undefined) => {
    const value = Number(text);
    if (text === undefined || !Number.isFinite(value) || value <= 0) {
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
