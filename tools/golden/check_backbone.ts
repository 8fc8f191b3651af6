import * as tf from "../../lib/deps/tfjs.ts";
import { InputError } from "../../lib/errors.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { createHead } from "../../lib/head/create_head.ts";
import type { Head } from "../../lib/head/head.ts";
import { type Backbone, createBackbone } from "../../lib/nn/backbone.ts";
import { readParameters, type StateDict } from "../../lib/nn/parameters.ts";
import { TrainingStep } from "../../lib/train/training_step.ts";
import { type Quantity, type Sample, sampleOf, settleWithSpread } from "./compare.ts";
import { fill, hash32 } from "./fill.ts";
import type { BackboneGolden } from "./golden_schema.ts";
import type { ParityRow } from "./parity_row.ts";

/** Our names of the backbones in golden files. */
const MODELS: Readonly<Record<string, string>> = { mobilefacenet: "mbf" };

/**
 * Largest relative change of weights and pixels in a changed run: eight to sixteen units of their last place. Measured: it
 * moves embeddings by about four times what the roundings of one float32 forward pass do, so that of a pair of opposite changes
 * nearly always one reaches across zero where roundings do.
 */
const NUDGE = 2 ** -20;

/** How the inputs of a run are changed: by a factor 1 + size * r, r in [-1, 1) from the stream `seed`. */
interface Nudge {
  readonly seed: number;
  readonly size: number;
}

/** Runs a backbone with its head through a golden file: embeddings before, training steps, gradients, weights and embeddings after. */
export async function checkBackbone(gpu: Gpu, golden: BackboneGolden): Promise<ParityRow[]> {
  const { classes, head: h } = golden;
  const imageSize = golden.input.shape[2];
  const backbone = createBackbone(gpu, MODELS[golden.model] ?? golden.model, { imageSize });
  const head = createHead(gpu, "center_bias", {
    classes,
    embeddingSize: backbone.options.embeddingSize,
    scale: h.scale,
    margin: h.margin,
    mM: h.m_m,
    centerMomentum: h.momentum,
  });
  try {
    return await settleWithSpread(
      await run(gpu, backbone, head, golden),
      (pair, sign) => run(gpu, backbone, head, golden, { seed: pair, size: sign * NUDGE }),
    );
  } finally {
    head.dispose();
    backbone.dispose();
  }
}

/** Every quantity of the file, in one order. */
async function run(
  gpu: Gpu,
  backbone: Backbone,
  head: Head,
  golden: BackboneGolden,
  nudge?: Nudge,
): Promise<Quantity[]> {
  loadParameters(backbone, head, golden, nudge);
  const [batch] = golden.input.shape;
  const images = imagesOf(golden, nudge);
  const labels = tf.tensor1d(golden.labels, "int32");
  const step = new TrainingStep(gpu, backbone, head, { momentum: golden.momentum, weightDecay: golden.weight_decay });
  const { float64: exact, float32: pytorch } = golden;
  const quantities: Quantity[] = [];
  const addNumber = (what: string, ours: number, a: number, b: number) => {
    quantities.push({ name: `${golden.model} ${what}`, size: 1, ours, exact: a, pytorch: b });
  };
  const addTensor = (what: string, values: Float32Array, a: Sample, b: Sample) => {
    const ours = sampleOf(values, a.index);
    quantities.push({ name: `${golden.model} ${what}`, size: values.length, ours, exact: a, pytorch: b });
  };
  const addRows = async (what: string, tensor: tf.Tensor, a: Sample[], b: Sample[]) => {
    const values = await gpu.kernels.read(tensor);
    const dim = values.length / batch;
    a.forEach((row, i) => addTensor(`${what}, image ${i}`, values.subarray(i * dim, (i + 1) * dim), row, b[i]));
  };
  const evaluate = async (what: string, a: Sample[], b: Sample[]) => {
    const embeddings = tf.tidy(() => backbone.forward(images, false));
    await addRows(what, embeddings, a, b);
    embeddings.dispose();
  };

  await evaluate("embedding before", exact.eval_before, pytorch.eval_before);
  for (const [k, numbers] of exact.steps.entries()) {
    const float32 = pytorch.steps[k];
    const { loss, metrics, embeddings, gradients } = step.gradients(images, labels);
    const [value] = await gpu.kernels.read(loss);
    const [t, mean, max, min] = await gpu.kernels.read(metrics);
    addNumber(`step ${k} loss`, value, numbers.total_loss, float32.total_loss);
    addNumber(`step ${k} t`, t, numbers.t, float32.t);
    addNumber(`step ${k} margin mean`, mean, numbers.m_mean, float32.m_mean);
    addNumber(`step ${k} margin max`, max, numbers.m_max, float32.m_max);
    addNumber(`step ${k} margin min`, min, numbers.m_min, float32.m_min);
    await addRows(`step ${k} embedding`, embeddings, numbers.embedding, float32.embedding);
    const sampled = [...step.parameters.entries()].filter(([, [name]]) => numbers.grads?.[name]);
    const torch = await readParameters(gpu, sampled.map(([i, [, parameter]]) => [parameter, gradients[i]!]));
    for (const [j, [, [name]]] of sampled.entries()) {
      addTensor(`step ${k} gradient of ${name}`, torch[j].data, numbers.grads![name], float32.grads![name]);
    }
    const one = tf.scalar(1);
    step.sgd.setRate(golden.lr);
    step.sgd.step(gradients, one);
    tf.dispose([loss, metrics, embeddings, one, ...gradients.flatMap((parts) => parts ?? [])]);
  }
  const after = await backbone.parameters.state();
  for (const [name, value] of await head.parameters.state()) after.set(`head.${name}`, value);
  for (const [name, numbers] of Object.entries(exact.after)) {
    const ours = after.get(name);
    if (!ours) throw new InputError(`Cannot check ${golden.model}: it has no parameter ${name}`);
    addTensor(`after ${name}`, ours.data, numbers, pytorch.after[name]);
  }
  await evaluate("embedding after", exact.eval_after, pytorch.eval_after);
  tf.dispose([images, labels]);
  step.dispose();
  return quantities;
}

function loadParameters(backbone: Backbone, head: Head, golden: BackboneGolden, nudge?: Nudge): void {
  const { head: h, classes } = golden;
  const state: StateDict = new Map();
  for (const { name, shape, seed, lo, hi } of golden.parameters) {
    state.set(name, { shape, data: nudged(fill(seed, shape, lo, hi), seed, nudge) });
  }
  // The last batch-norm's weight is 1 and never trained; a golden file need not list it.
  for (const { name, shape } of backbone.parameters.list()) {
    if (!state.has(name) && name === "features.weight") {
      state.set(name, { shape, data: new Float32Array(shape[0]).fill(1) });
    }
  }
  backbone.parameters.load(state, "golden numbers");
  const shape = [classes, backbone.options.embeddingSize];
  head.parameters.load(
    new Map([
      ["weight", { shape, data: nudged(fill(h.weight_seed, shape, h.lo, h.hi), h.weight_seed, nudge) }],
      ["center", { shape, data: fill(h.center_seed, shape, h.lo, h.hi) }],
      ["t", { shape: [], data: new Float32Array(1) }],
    ]),
    "golden numbers",
  );
}

function nudged(values: Float32Array, seed: number, nudge?: Nudge): Float32Array {
  if (!nudge) return values;
  const start = hash32(seed ^ hash32(nudge.seed + 1));
  return values.map((value, i) => value * (1 + nudge.size * (hash32(start + i) / 2 ** 31 - 1)));
}

/** fill() of the golden NCHW shape, as NHWC with a fourth channel of zeros. */
function imagesOf({ input }: BackboneGolden, nudge?: Nudge): tf.Tensor4D {
  const [batch, channels, height, width] = input.shape;
  const values = nudged(fill(input.seed, input.shape, input.lo, input.hi), input.seed, nudge);
  const ours = new Float32Array(batch * height * width * 4);
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < height * width; p++) {
        ours[(n * height * width + p) * 4 + c] = values[(n * channels + c) * height * width + p];
      }
    }
  }
  return tf.tensor4d(ours, [batch, height, width, 4]);
}
