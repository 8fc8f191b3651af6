import * as tf from "../../lib/deps/tfjs.ts";
import "../../lib/deps/tfjs_webgpu.ts";
import { resizeImage } from "../../lib/data/resize.ts";
import type { RgbImage } from "../../lib/data/rgb_image.ts";
import { InputError } from "../../lib/errors.ts";
import { foldBatchNorm, type WeightedPlan } from "../../lib/model/fold_batch_norm.ts";
import { bfloat16ToFloat32, halfToFloat32 } from "../../lib/model/half.ts";
import { inferBackbone } from "../../lib/model/infer_backbone.ts";
import {
  BATCH_NORM_EPSILON,
  type NetworkFacts,
  planNetwork,
  planShapes,
  type PlanStep,
} from "../../lib/model/network_plan.ts";
import { parseHeader } from "../../lib/model/safetensors_header.ts";
import { backboneNames } from "../../lib/model/state_names.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";

/** A model in a browser. */
export interface BrowserModel {
  /** Which network it is. */
  readonly facts: NetworkFacts;
  /** Embeddings [n, dim] of images of any size, not normalised. */
  embed(images: readonly RgbImage[]): Promise<Float32Array>;
  /** Frees its memory. */
  dispose(): void;
}

/**
 * Starts tfjs on the best that the browser has, and says what that is: WebGPU, WebGL, or the processor alone.
 *
 * `wanted` names one of them, for tests.
 */
export async function startTensors(wanted?: string): Promise<string> {
  tf.env().set("WEBGPU_MATMUL_PROGRAM_TYPE", 3); // the one it picks for long rows is wrong on some adapters
  for (const name of wanted ? [wanted] : ["webgpu", "webgl", "cpu"]) {
    try {
      if (!await tf.setBackend(name)) continue;
      await tf.ready();
      return name;
    } catch { /* the next one */ }
  }
  throw new InputError(`Cannot compute: expected WebGPU, WebGL or a processor, found none of ${wanted ?? "them"}`);
}

/**
 * Loads a model from the bytes of a .safetensors file, as `export` writes it.
 *
 * @throws {InputError} if they are damaged, or of another model.
 */
export function loadBrowserModel(bytes: ArrayBuffer): BrowserModel {
  const { facts, state } = readState(bytes);
  const plan = planNetwork(facts);
  for (const [name, shape] of planShapes(plan)) {
    const found = state.get(name)?.shape.join(", ");
    if (found === shape.join(", ")) continue;
    throw new InputError(
      `Cannot load model: expected ${name} of shape [${shape.join(", ")}], found ${found ?? "none"}`,
    );
  }
  const network = new Network(foldBatchNorm({ plan, state }));
  return {
    facts,
    async embed(images) {
      const size = facts.imageSize;
      const pixels = new Float32Array(images.length * size * size * 3);
      images.forEach((image, i) =>
        pixels.set(Float32Array.from(resizeImage(image, size), (x) => (x / 255 - 0.5) / 0.5), i * size * size * 3)
      );
      const result = tf.tidy(() => network.run(tf.tensor4d(pixels, [images.length, size, size, 3])));
      const values = await result.data<"float32">();
      result.dispose();
      return values;
    },
    dispose: () => network.dispose(),
  };
}

/** Facts and weights of a .safetensors file in memory. */
function readState(bytes: ArrayBuffer): { facts: NetworkFacts; state: StateDict } {
  const fail = (what: string) => new InputError(`Cannot load model: ${what}; it is no .safetensors file, or damaged`);
  const length = bytes.byteLength < 8 ? 0 : Number(new DataView(bytes).getBigUint64(0, true));
  if (length === 0 || length > bytes.byteLength - 8) throw fail("expected a header, found none");
  const start = 8 + length;
  const text = new TextDecoder().decode(new Uint8Array(bytes, 8, length));
  const { tensors, metadata } = parseHeader(text, bytes.byteLength - start, fail);
  const names = backboneNames(tensors.keys(), "model");
  const state: StateDict = new Map();
  for (const [name, stored] of names) {
    const { dtype, shape, begin, end } = tensors.get(stored)!;
    const data = bytes.slice(start + begin, start + end);
    if (dtype === "F32") state.set(name, { shape, data: new Float32Array(data) });
    else if (dtype === "F64") state.set(name, { shape, data: Float32Array.from(new Float64Array(data)) });
    else if (dtype === "F16") state.set(name, { shape, data: halfToFloat32(new Uint16Array(data)) });
    else if (dtype === "BF16") state.set(name, { shape, data: bfloat16ToFloat32(new Uint16Array(data)) });
  }
  if (metadata.color_order !== undefined && metadata.color_order !== "RGB") {
    throw new InputError(`Cannot load model: expected color_order RGB, found ${metadata.color_order}; export it again`);
  }
  if (metadata.model === undefined) {
    return { facts: inferBackbone(new Map([...state].map(([name, { shape }]) => [name, shape])), "model"), state };
  }
  const { model, width, image_size, embedding_size } = metadata;
  return {
    facts: { model, width: Number(width), imageSize: Number(image_size), embeddingSize: Number(embedding_size) },
    state,
  };
}

/** A plan's steps as tfjs's operations; values are NHWC. */
class Network {
  readonly #weighted: WeightedPlan;
  readonly #tensors = new Map<string, tf.Tensor>();

  constructor(weighted: WeightedPlan) {
    this.#weighted = weighted;
    for (const step of weighted.plan.steps) this.#upload(step);
  }

  run(images: tf.Tensor4D): tf.Tensor {
    const { plan } = this.#weighted;
    const values = new Map<string, tf.Tensor>([[plan.input, images]]);
    for (const step of plan.steps) values.set(step.to, this.#step(step, (name) => values.get(name)!));
    return values.get(plan.output)!;
  }

  dispose(): void {
    for (const tensor of this.#tensors.values()) tensor.dispose();
    this.#tensors.clear();
  }

  #upload(step: PlanStep): void {
    const { state } = this.#weighted;
    const keep = (name: string, data: Float32Array, shape: number[]) => this.#tensors.set(name, tf.tensor(data, shape));
    if (step.op === "add" || step.op === "flatten") return;
    const { shape, data } = state.get(`${step.name}.weight`)!;
    if (step.op === "batch_norm") {
      const part = (name: string) => state.get(`${step.name}.${name}`)!.data;
      const variance = part("running_var"), mean = part("running_mean");
      const scale = data.map((weight, i) => weight / Math.sqrt(variance[i] + BATCH_NORM_EPSILON));
      keep(`${step.name}.scale`, scale, [step.channels]);
      keep(`${step.name}.shift`, part("bias").map((bias, i) => bias - mean[i] * scale[i]), [step.channels]);
      return;
    }
    if (step.op === "conv") keep(`${step.name}.weight`, ...filterOf(step, data));
    else keep(`${step.name}.weight`, data, [...shape]);
    const bias = state.get(`${step.name}.bias`);
    if (bias) keep(`${step.name}.bias`, bias.data, [...bias.shape]);
  }

  #step(step: PlanStep, value: (name: string) => tf.Tensor): tf.Tensor {
    const x = value(step.from);
    if (step.op === "add") return x.add(value(step.other));
    if (step.op === "flatten") return x.transpose([0, 3, 1, 2]).reshape([x.shape[0], -1]); // channel, height, width
    const part = <T extends tf.Tensor>(name: string) => this.#tensors.get(`${step.name}.${name}`) as T;
    if (step.op === "batch_norm") return x.mul(part("scale")).add(part("shift"));
    if (step.op === "prelu") return tf.prelu(x, part("weight"));
    const y = step.op === "linear"
      ? tf.matMul(x as tf.Tensor2D, part<tf.Tensor2D>("weight"), false, true)
      : isDepthwise(step)
      ? tf.depthwiseConv2d(x as tf.Tensor4D, part<tf.Tensor4D>("weight"), step.stride, step.pad, "NHWC", 1, "floor")
      : tf.conv2d(x as tf.Tensor4D, part<tf.Tensor4D>("weight"), step.stride, step.pad, "NHWC", 1, "floor");
    return step.bias ? y.add(part("bias")) : y;
  }
}

type ConvStep = Extract<PlanStep, { op: "conv" }>;

function isDepthwise({ groups, inputs, outputs }: ConvStep): boolean {
  return groups > 1 && groups === inputs && groups === outputs;
}

/** PyTorch's [out, in / groups, height, width] as tfjs wants it; tfjs has no groups, so the other groups' weights become zeros. */
function filterOf(step: ConvStep, data: Float32Array): [Float32Array, number[]] {
  const { size, inputs, outputs, groups } = step;
  const taps = size * size;
  if (isDepthwise(step)) {
    const filter = new Float32Array(data.length);
    for (let c = 0; c < inputs; c++) for (let t = 0; t < taps; t++) filter[t * inputs + c] = data[c * taps + t];
    return [filter, [size, size, inputs, 1]];
  }
  const [perGroup, outPerGroup] = [inputs / groups, outputs / groups];
  const filter = new Float32Array(taps * inputs * outputs);
  for (let o = 0; o < outputs; o++) {
    const firstInput = Math.floor(o / outPerGroup) * perGroup;
    for (let i = 0; i < perGroup; i++) {
      for (let t = 0; t < taps; t++) {
        filter[(t * inputs + firstInput + i) * outputs + o] = data[(o * perGroup + i) * taps + t];
      }
    }
  }
  return [filter, [size, size, inputs, outputs]];
}
