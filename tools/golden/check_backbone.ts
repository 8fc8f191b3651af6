import * as tf from "../../lib/deps/tfjs.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { createHead } from "../../lib/head/create_head.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { TrainingStep } from "../../lib/train/training_step.ts";
import { compareNumber, compareTensor, type Sample } from "./compare.ts";
import { fill } from "./fill.ts";
import type { ParityRow } from "./parity_row.ts";

interface StepNumbers {
  total_loss: number;
  t: number;
  m_mean: number;
  m_max: number;
  m_min: number;
  embedding: Sample[];
  grads?: Record<string, Sample>;
}

interface Numbers {
  eval_before: Sample[];
  steps: StepNumbers[];
  after: Record<string, Sample>;
  eval_after: Sample[];
}

/** A golden file like iresnet18.json. */
export interface BackboneGolden {
  model: string;
  batch: number;
  classes: number;
  lr: number;
  momentum: number;
  weight_decay: number;
  head: {
    scale: number;
    margin: number;
    m_m: number;
    momentum: number;
    weight_seed: number;
    center_seed: number;
    lo: number;
    hi: number;
  };
  input: { shape: number[]; seed: number; lo: number; hi: number };
  labels: number[];
  parameters: { name: string; shape: number[]; seed: number; lo: number; hi: number }[];
  float64: Numbers;
  float32: Numbers;
}

/** Our names of the backbones in golden files. */
const MODELS: Readonly<Record<string, string>> = { mobilefacenet: "mbf" };

/** Runs a backbone with its head through a golden file: embeddings before, training steps, gradients, weights and embeddings after. */
export async function checkBackbone(
  gpu: Gpu,
  golden: BackboneGolden,
  report?: (row: ParityRow) => void,
): Promise<ParityRow[]> {
  const rows: ParityRow[] = [];
  const add = (row: ParityRow) => {
    rows.push(row);
    report?.(row);
  };
  const [batch, , imageSize] = golden.input.shape;
  const backbone = createBackbone(gpu, MODELS[golden.model] ?? golden.model, { imageSize });
  const state: StateDict = new Map();
  for (const { name, shape, seed, lo, hi } of golden.parameters) {
    state.set(name, { shape, data: fill(seed, shape, lo, hi) });
  }
  // The last batch-norm's weight is 1 and never trained; a golden file need not list it.
  for (const { name, shape, variable } of backbone.parameters.list()) {
    if (!state.has(name) && name === "features.weight") {
      state.set(name, { shape, data: new Float32Array(variable.size).fill(1) });
    }
  }
  backbone.parameters.load(state, "golden numbers");
  const { head: h, classes } = golden;
  const head = createHead(gpu, "center_bias", {
    classes,
    embeddingSize: backbone.options.embeddingSize,
    scale: h.scale,
    margin: h.margin,
    mM: h.m_m,
    centerMomentum: h.momentum,
  });
  const shape = [classes, backbone.options.embeddingSize];
  head.parameters.load(
    new Map([
      ["weight", { shape, data: fill(h.weight_seed, shape, h.lo, h.hi) }],
      ["center", { shape, data: fill(h.center_seed, shape, h.lo, h.hi) }],
      ["t", { shape: [], data: new Float32Array(1) }],
    ]),
    "golden numbers",
  );
  const images = inputOf(golden);
  const labels = tf.tensor1d(golden.labels, "int32");
  const exact = golden.float64;
  const pytorch = golden.float32;
  const compareRows = async (what: string, tensor: tf.Tensor, a: Sample[], b: Sample[]) => {
    const values = await gpu.kernels.read(tensor);
    const dim = values.length / batch;
    for (let i = 0; i < a.length; i++) {
      add(compareTensor(`${golden.model} ${what}, image ${i}`, values.subarray(i * dim, (i + 1) * dim), a[i], b[i]));
    }
  };
  const evaluate = async (what: string, a: Sample[], b: Sample[]) => {
    const embeddings = tf.tidy(() => backbone.forward(images, false));
    await compareRows(what, embeddings, a, b);
    embeddings.dispose();
  };

  await evaluate("embedding before", exact.eval_before, pytorch.eval_before);
  const step = new TrainingStep(gpu, backbone, head, { momentum: golden.momentum, weightDecay: golden.weight_decay });
  for (const [k, numbers] of exact.steps.entries()) {
    const float32 = pytorch.steps[k];
    const name = (what: string) => `${golden.model} step ${k} ${what}`;
    const { loss, metrics, embeddings, gradients } = step.gradients(images, labels);
    const [value] = await gpu.kernels.read(loss);
    const [t, mean, max, min] = await gpu.kernels.read(metrics);
    add(compareNumber(name("loss"), value, numbers.total_loss, float32.total_loss));
    add(compareNumber(name("t"), t, numbers.t, float32.t));
    add(compareNumber(name("margin mean"), mean, numbers.m_mean, float32.m_mean));
    add(compareNumber(name("margin max"), max, numbers.m_max, float32.m_max));
    add(compareNumber(name("margin min"), min, numbers.m_min, float32.m_min));
    await compareRows(`step ${k} embedding`, embeddings, numbers.embedding, float32.embedding);
    if (numbers.grads) {
      for (const [i, [parameter, { filter, variable }]] of step.parameters.entries()) {
        if (!numbers.grads[parameter]) continue;
        const values = await readGradient(gpu, gradients[i], filter, variable.size);
        add(
          compareTensor(name(`gradient of ${parameter}`), values, numbers.grads[parameter], float32.grads![parameter]),
        );
      }
    }
    const one = tf.scalar(1);
    step.sgd.step(gradients, golden.lr, one);
    tf.dispose([loss, metrics, embeddings, gradients, one]);
  }
  const after = await backbone.parameters.state();
  for (const [name, value] of await head.parameters.state()) after.set(`head.${name}`, value);
  for (const [name, numbers] of Object.entries(exact.after)) {
    const ours = after.get(name);
    if (!ours) throw new Error(`${golden.model}: no parameter ${name}`);
    add(compareTensor(`${golden.model} after ${name}`, ours.data, numbers, pytorch.after[name]));
  }
  await evaluate("embedding after", exact.eval_after, pytorch.eval_after);
  tf.dispose([images, labels]);
  step.dispose();
  head.dispose();
  backbone.dispose();
  return rows;
}

/** fill() of the golden NCHW shape, as NHWC with a fourth channel of zeros. */
function inputOf({ input }: BackboneGolden): tf.Tensor4D {
  const [batch, channels, height, width] = input.shape;
  const values = fill(input.seed, input.shape, input.lo, input.hi);
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

/** A gradient in PyTorch's layout. */
async function readGradient(
  gpu: Gpu,
  gradient: tf.Tensor,
  filter: readonly number[] | undefined,
  size: number,
): Promise<Float32Array> {
  const values = await gpu.kernels.read(gradient);
  if (!filter) return values;
  const [out, inputs, height, width] = filter;
  const torch = new Float32Array(size);
  for (let t = 0; t < height * width; t++) {
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < out; o++) torch[(o * inputs + i) * height * width + t] = values[(t * inputs + i) * out + o];
    }
  }
  return torch;
}
