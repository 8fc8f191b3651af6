import * as tf from "../../lib/deps/tfjs.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { createHead } from "../../lib/head/create_head.ts";
import { Sgd } from "../../lib/train/sgd.ts";
import { compare, type Sample, sampleOf } from "./compare.ts";
import { fill } from "./fill.ts";
import type { HeadGolden } from "./golden_schema.ts";
import type { ParityRow } from "./parity_row.ts";

type HeadCase = HeadGolden["cases"][number];

/** Runs the center-bias head through a golden file like center_bias_head.json and compares every number in it. */
export async function checkHead(gpu: Gpu, golden: HeadGolden): Promise<ParityRow[]> {
  const rows: ParityRow[] = [];
  for (const [ci, numbers] of golden.cases.entries()) rows.push(...await checkCase(gpu, ci, numbers));
  return rows;
}

async function checkCase(gpu: Gpu, ci: number, numbers: HeadCase): Promise<ParityRow[]> {
  const rows: ParityRow[] = [];
  const addNumber = (name: string, ours: number, exact: number, pytorch: number) => {
    rows.push(compare({ name, size: 1, ours, exact, pytorch }));
  };
  const addTensor = (name: string, values: Float32Array, exact: Sample, pytorch: Sample) => {
    rows.push(compare({ name, size: values.length, ours: sampleOf(values, exact.index), exact, pytorch }));
  };
  const { dim, classes, batch } = numbers;
  const head = createHead(gpu, "center_bias", {
    classes,
    embeddingSize: dim,
    scale: numbers.scale,
    margin: numbers.margin,
    mM: numbers.m_m,
    centerMomentum: numbers.momentum,
    constantT: numbers.constant_t,
  });
  const shape = [classes, dim];
  head.parameters.load(
    new Map([
      ["weight", { shape, data: fill(numbers.seeds.weight, shape) }],
      ["center", { shape, data: fill(numbers.seeds.center, shape) }],
      ["t", { shape: [], data: new Float32Array(1) }],
    ]),
    "golden numbers",
  );
  const named = head.parameters.trainable().map((parameter) => [parameter.name, parameter] as const);
  const sgd = new Sgd(gpu, named, { momentum: numbers.sgd_momentum, weightDecay: numbers.weight_decay });
  for (const [k, exact] of numbers.float64.entries()) {
    const pytorch = numbers.float32[k];
    const weight = (await head.parameters.state()).get("weight")!.data;
    const values = embeddingsOf(numbers, ci, k, exact.labels, weight);
    const embeddings = tf.tensor2d(values, [batch, dim]);
    const labels = tf.tensor1d(exact.labels, "int32");
    let metrics: tf.Tensor1D | undefined;
    const { value, grads } = tf.engine().gradients(
      () => {
        const step = head.step(embeddings, labels);
        metrics = step.metrics;
        return step.loss;
      },
      [embeddings, named[0][1].parts[0]],
    );
    const [loss] = await gpu.kernels.read(value);
    const [t, mean, max, min] = await gpu.kernels.read(metrics!);
    const name = (what: string) => `head case ${ci} step ${k} ${what}`;
    addNumber(name("loss"), loss, exact.total_loss, pytorch.total_loss);
    addNumber(name("t"), t, exact.t, pytorch.t);
    addNumber(name("margin mean"), mean, exact.m_mean, pytorch.m_mean);
    addNumber(name("margin max"), max, exact.m_max, pytorch.m_max);
    addNumber(name("margin min"), min, exact.m_min, pytorch.m_min);
    addTensor(
      name("gradient of embeddings"),
      await gpu.kernels.read(grads[0]),
      exact.grad_embeddings,
      pytorch.grad_embeddings,
    );
    addTensor(name("gradient of weight"), await gpu.kernels.read(grads[1]), exact.grad_weight, pytorch.grad_weight);
    const one = tf.scalar(1);
    sgd.setRate(numbers.lr);
    sgd.step([[grads[1]]], one);
    const state = await head.parameters.state();
    addTensor(name("center"), state.get("center")!.data, exact.center, pytorch.center);
    addTensor(name("weight after"), state.get("weight")!.data, exact.weight_after, pytorch.weight_after);
    tf.dispose([embeddings, labels, value, metrics!, grads, one]);
  }
  sgd.dispose();
  head.dispose();
  return rows;
}

/** fill(seed), then rows 0, 3, 6, … += 2 weight[label]; row 1 = -weight[label] + 0.05 row 1. */
function embeddingsOf(numbers: HeadCase, ci: number, k: number, labels: number[], weight: Float32Array): Float32Array {
  const { dim, batch, seeds } = numbers;
  const values = fill(seeds.SEED * 1000 + 10 * ci + 500 + k, [batch, dim]);
  for (let row = 0; row < batch; row++) {
    for (let d = 0; d < dim; d++) {
      const w = weight[labels[row] * dim + d];
      if (row % 3 === 0) values[row * dim + d] += 2 * w;
      else if (row === 1) values[row * dim + d] = -w + 0.05 * values[row * dim + d];
    }
  }
  return values;
}
