import * as tf from "../../lib/deps/tfjs.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { createHead, type HeadOptions } from "../../lib/head/create_head.ts";
import type { Head, HeadStep } from "../../lib/head/head.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { Random } from "../../lib/data/random.ts";
import type { Matrix } from "./head_reference.ts";

/** float32 numbers as a matrix: what the GPU sees, exactly. */
export function randomMatrix(random: Random, rows: number, cols: number): Matrix {
  return Array.from({ length: rows }, () => Array.from({ length: cols }, () => Math.fround(random.range(-1, 1))));
}

/** What a step gives, on this side. */
export interface Step {
  readonly loss: number;
  readonly t: number;
  readonly mean: number;
  readonly max: number;
  readonly min: number;
  readonly right: number;
  /** [batch, dim] and [classes, dim], flat. */
  readonly embeddingGradient: Float32Array;
  readonly weightGradient: Float32Array;
}

/** A head with these weights, and centers where it has them. */
export function headWith(
  gpu: Gpu,
  name: string,
  weight: Matrix,
  options: Omit<HeadOptions, "classes" | "embeddingSize"> & { centers?: Matrix; t?: number } = {},
): Head {
  const { centers = weight, t = 0, ...dials } = options;
  const shape = [weight.length, weight[0].length];
  const head = createHead(gpu, name, { classes: shape[0], embeddingSize: shape[1], ...dials });
  const state: StateDict = new Map([
    ["weight", { shape, data: Float32Array.from(weight.flat()) }],
    ["center", { shape, data: Float32Array.from(centers.flat()) }],
    ["t", { shape: [], data: Float32Array.of(t) }],
  ]);
  const known = new Set(head.parameters.list().map(({ name }) => name));
  for (const name of state.keys()) if (!known.has(name)) state.delete(name);
  head.parameters.load(state, "the test");
  return head;
}

/** Loss, metrics and the inputs' gradients of a step. */
export async function outcome(gpu: Gpu, step: () => HeadStep, inputs: tf.Tensor[]): Promise<Float32Array[]> {
  let metrics: tf.Tensor | undefined;
  const { value, grads } = (tf.engine() as unknown as {
    gradients(f: () => tf.Tensor, xs: tf.Tensor[]): { value: tf.Tensor; grads: tf.Tensor[] };
  }).gradients(() => {
    const result = step();
    metrics = result.metrics;
    return result.loss;
  }, inputs);
  const values = await gpu.kernels.readAll([value, metrics!, ...grads]);
  tf.dispose([value, metrics!, grads]);
  return values;
}

/** One forward and backward pass. */
export async function runStep(gpu: Gpu, head: Head, embeddings: Matrix, labels: number[]): Promise<Step> {
  const e = tf.tensor2d(embeddings);
  const y = tf.tensor1d(labels, "int32");
  const weight = head.parameters.list().find(({ name }) => name === "weight")!.parts[0];
  const [[loss], [t, mean, max, min, right], embeddingGradient, weightGradient] = await outcome(
    gpu,
    () => head.step(e, y),
    [e, weight],
  );
  tf.dispose([e, y]);
  return { loss, t, mean, max, min, right, embeddingGradient, weightGradient };
}
