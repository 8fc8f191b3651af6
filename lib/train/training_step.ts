import * as tf from "../deps/tfjs.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Head } from "../head/head.ts";
import type { Backbone } from "../nn/backbone.ts";
import type { Parameter } from "../nn/parameters.ts";
import { Sgd, type SgdOptions } from "./sgd.ts";

/** How a step is taken. */
export interface TrainingStepOptions extends SgdOptions {
  /** The gradient is shortened to this length where it is longer; 0 leaves it as it is. @default 0 */
  readonly clipGradNorm?: number;
}

/** What a forward and backward pass gives; all of it is the caller's to dispose of. */
export interface GradientResult {
  /** Mean loss of the batch. */
  readonly loss: tf.Scalar;
  /** [t, margin mean, maximum, minimum, right answers]. */
  readonly metrics: tf.Tensor1D;
  /** [batch, dim]. */
  readonly embeddings: tf.Tensor2D;
  /** In the order of {@linkcode TrainingStep.parameters}. */
  readonly gradients: tf.Tensor[];
}

/** Scalars of one step. */
export interface StepMetrics {
  readonly loss: number;
  readonly t: number;
  readonly marginMean: number;
  readonly marginMax: number;
  readonly marginMin: number;
  /** Samples whose largest cosine was their own class's. */
  readonly right: number;
  /** Samples in the step. */
  readonly samples: number;
}

/** One training step of backbone and head: forward, backward, SGD; nothing is read back until {@linkcode drain}. */
export class TrainingStep {
  /** Trained parameters by the name they are saved under; the head's begin with `head.`. */
  readonly parameters: readonly (readonly [string, Parameter])[];
  /** The optimizer, for its state. */
  readonly sgd: Sgd;
  readonly #backbone: Backbone;
  readonly #head: Head;
  readonly #gpu: Gpu;
  readonly #clip: number;
  #accumulated: { gradients: tf.Tensor[]; count: number } | undefined;
  #pending: { scalars: tf.Tensor1D; samples: number }[] = [];

  /** Starts with the optimizer at rest. */
  constructor(gpu: Gpu, backbone: Backbone, head: Head, options: TrainingStepOptions) {
    this.#gpu = gpu;
    this.#backbone = backbone;
    this.#head = head;
    this.#clip = options.clipGradNorm ?? 0;
    this.parameters = [
      ...backbone.parameters.trainable().map((parameter) => [parameter.name, parameter] as const),
      ...head.parameters.trainable().map((parameter) => [`head.${parameter.name}`, parameter] as const),
    ];
    this.sgd = new Sgd(gpu, this.parameters, options);
  }

  /** Loss and gradients of a batch; images [batch, S, S, 4], labels [batch] int32. The head's buffers move. */
  gradients(images: tf.Tensor4D, labels: tf.Tensor1D): GradientResult {
    let metrics: tf.Tensor1D | undefined;
    let embeddings: tf.Tensor2D | undefined;
    const variables = this.parameters.map(([, { variable }]) => variable);
    const { value, grads } = tf.variableGrads(() => {
      embeddings = this.#backbone.forward(images, true);
      tf.keep(embeddings);
      const step = this.#head.step(embeddings, labels);
      metrics = step.metrics;
      return step.loss;
    }, variables);
    return {
      loss: value,
      metrics: metrics!,
      embeddings: embeddings!,
      gradients: variables.map((variable) => grads[variable.name]),
    };
  }

  /**
   * Takes a batch's gradient in; with `apply` false it is only added to those of the batches before, else the parameters move by
   * their mean.
   */
  run(images: tf.Tensor4D, labels: tf.Tensor1D, rate: number, apply = true): void {
    const { loss, metrics, embeddings, gradients } = this.gradients(images, labels);
    embeddings.dispose();
    const scalars = tf.tidy(() => tf.concat([loss.reshape<tf.Tensor1D>([1]), metrics]));
    tf.dispose([loss, metrics]);
    this.#pending.push({ scalars, samples: labels.size });
    let sum = gradients;
    let count = 1;
    if (this.#accumulated) {
      const before = this.#accumulated;
      sum = tf.tidy(() => before.gradients.map((gradient, i) => gradient.add(gradients[i])));
      tf.dispose([before.gradients, gradients]);
      count += before.count;
    }
    if (!apply) {
      this.#accumulated = { gradients: sum, count };
      return;
    }
    this.#accumulated = undefined;
    const scale = tf.tidy(() => this.#scale(sum, count));
    this.sgd.step(sum, rate, scale);
    tf.dispose([sum, scale]);
  }

  #scale(gradients: tf.Tensor[], count: number): tf.Scalar {
    if (this.#clip === 0) return tf.scalar(1 / count);
    const squares = tf.stack(gradients.map((gradient) => gradient.square().sum().asScalar()));
    const norm = squares.sum().sqrt().div(count);
    // As PyTorch's clip_grad_norm_: at most 1, and never a division by zero.
    return tf.minimum(tf.scalar(this.#clip).div(norm.add(1e-6)), 1).div(count).asScalar();
  }

  /** Batches whose scalars have not been read yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Reads the scalars of every batch since the last call, in order: one wait for the GPU. */
  async drain(): Promise<StepMetrics[]> {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return [];
    const table = tf.tidy(() => tf.concat(pending.map(({ scalars }) => scalars)));
    const values = await this.#gpu.kernels.read(table);
    tf.dispose([table, pending.map(({ scalars }) => scalars)]);
    return pending.map(({ samples }, i) => {
      const [loss, t, marginMean, marginMax, marginMin, right] = values.subarray(i * 6, i * 6 + 6);
      return { loss, t, marginMean, marginMax, marginMin, right, samples };
    });
  }

  /** Frees the GPU's memory of the optimizer and of what is pending. */
  dispose(): void {
    this.sgd.dispose();
    tf.dispose(this.#pending.map(({ scalars }) => scalars));
    this.#pending = [];
    if (this.#accumulated) tf.dispose(this.#accumulated.gradients);
    this.#accumulated = undefined;
  }
}
