import * as tf from "../../lib/deps/tfjs.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { createHead, type HeadOptions } from "../../lib/head/create_head.ts";
import type { Head } from "../../lib/head/head.ts";
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

/** One forward and backward pass. */
export async function runStep(gpu: Gpu, head: Head, embeddings: Matrix, labels: number[]): Promise<Step> {
  const e = tf.tensor2d(embeddings);
  const y = tf.tensor1d(labels, "int32");
  let metrics: tf.Tensor1D | undefined;
  const weight = head.parameters.list().find(({ name }) => name === "weight")!.parts[0];
  const { value, grads } = tf.engine().gradients(() => {
    const step = head.step(e, y);
    metrics = step.metrics;
    return step.loss;
  }, [e, weight]);
  const [loss] = await gpu.kernels.read(value);
  const [t, mean, max, min, right] = await gpu.kernels.read(metrics!);
  const embeddingGradient = await gpu.kernels.read(grads[0]);
  const weightGradient = await gpu.kernels.read(grads[1]);
  tf.dispose([e, y, value, metrics!, grads]);
  return { loss, t, mean, max, min, right, embeddingGradient, weightGradient };
}
