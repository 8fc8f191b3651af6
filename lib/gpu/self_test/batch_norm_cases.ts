import * as tf from "../../deps/tfjs.ts";
import { BATCH_NORM, batchNorm } from "../ops/batch_norm.ts";
import { toFloat, toHalf } from "../ops/half.ts";
import type { Gpu } from "../start_webgpu.ts";
import { batchNormReference } from "./batch_norm_reference.ts";
import { type Comparison, inFamily, type KernelCase } from "./kernel_case.ts";
import type { RandomValues } from "./random_values.ts";

/** Rows, channels, what follows, and the mean of the inputs, whose standard deviation is about 1. */
type Short = [
  rows: number,
  channels: number,
  follow: "" | "PReLU" | "residual",
  training: boolean,
  mean?: number,
  half?: boolean,
];

const CASES: Short[] = [
  [1, 8, "", false],
  [1, 4, "", true],
  [2, 512, "", true],
  [3, 5, "PReLU", true],
  [37, 64, "PReLU", true],
  [196, 20, "residual", true],
  [1001, 7, "residual", true],
  [5003, 4, "PReLU", true],
  // A mean far from zero: squares of the values themselves would cancel.
  [900, 8, "", true, 300],
  [50, 12, "PReLU", false],
  [50, 6, "residual", false],
  // More lanes than one row of workgroups holds.
  [70000, 4, "", false],
  [37, 64, "PReLU", true, 0, true],
  [196, 20, "residual", true, 0, true],
  [1001, 8, "", true, 5, true],
];

/** Batch-norm with what follows it: values, running statistics, and every gradient. */
export function batchNormCases(): KernelCase[] {
  const all = (["registers", "workgroup"] as const).flatMap((family) => CASES.map((one) => ({ family, one })));
  return all.map(({ family, one: [rows, channels, follow, training, mean = 0, half = false] }) => ({
    family,
    name: `batch norm ${rows}x${channels}${follow && ` + ${follow}`}${training ? ", training" : ""}` +
      `${mean ? `, mean ${mean}` : ""}${half ? ", mixed" : ""}${family === "workgroup" ? ", shared" : ""}`,
    run: (gpu, random) =>
      inFamily(gpu, family, () => check(gpu, random, { rows, channels, follow, training, mean, half })),
  }));
}

interface Norm {
  rows: number;
  channels: number;
  follow: Short[2];
  training: boolean;
  mean: number;
  half: boolean;
}

async function check(gpu: Gpu, random: RandomValues, norm: Norm): Promise<Comparison[]> {
  const { rows, channels, follow, training, mean, half } = norm;
  const size = rows * channels;
  const kept = (values: Float32Array) => half ? values.map(Math.f16round) : values;
  const inputs = {
    x: kept(random.values(size, mean - 1.7, mean + 1.7)),
    dy: random.values(size),
    weight: random.values(channels, 0.5, 1.5),
    bias: random.values(channels),
    slope: follow === "PReLU" ? random.values(channels, 0.1, 0.4) : undefined,
    residual: follow === "residual" ? kept(random.values(size)) : undefined,
    runningMean: random.values(channels, mean - 0.3, mean + 0.3),
    runningVariance: random.values(channels, 0.5, 1.5),
  };
  const expected = batchNormReference(inputs, { rows, channels, training, ...BATCH_NORM });
  const vector = (values: Float32Array) => tf.tensor1d(values);
  const matrix = (values: Float32Array) => tf.tensor2d(values, [rows, channels]);
  const made = tf.tidy(() => {
    const keep = (values: Float32Array) => half ? toHalf(gpu, matrix(values)) : matrix(values);
    const x = keep(inputs.x);
    const layer = {
      weight: vector(inputs.weight),
      bias: vector(inputs.bias),
      runningMean: vector(inputs.runningMean),
      runningVariance: vector(inputs.runningVariance),
    };
    const slope = inputs.slope && vector(inputs.slope);
    const residual = inputs.residual && keep(inputs.residual);
    const run = () => batchNorm(gpu, x, layer, { training, slope, residual, half });
    const running = { "running mean": layer.runningMean, "running variance": layer.runningVariance };
    if (!training) return { output: run() };
    const trained = [x, layer.weight, layer.bias, ...(slope ? [slope] : []), ...(residual ? [residual] : [])];
    const { value, grads } = tf.engine().gradients(run, trained, matrix(inputs.dy));
    const [dx, dWeight, dBias, dFollow] = grads;
    return {
      output: half ? toFloat(gpu, value) : value,
      "gradient of x": dx,
      "gradient of weight": dWeight,
      "gradient of bias": dBias,
      ...(slope && { "gradient of slope": dFollow }),
      ...(residual && { "gradient of residual": dFollow }),
      ...running,
    };
  });
  const comparisons: Comparison[] = [];
  for (const [what, tensor] of Object.entries(made)) {
    const found = await gpu.kernels.read(tensor as tf.Tensor);
    comparisons.push({ what, found, half: half && what === "output", ...expected[what] });
  }
  tf.dispose(made);
  return comparisons;
}
