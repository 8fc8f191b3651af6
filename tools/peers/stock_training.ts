import * as tf from "../../lib/deps/tfjs.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import type { Head } from "../../lib/head/head.ts";
import { planNetwork } from "../../lib/model/network_plan.ts";
import type { Backbone } from "../../lib/nn/backbone.ts";
import type { Parameters } from "../../lib/nn/parameters.ts";
import { stockHead } from "./stock_head.ts";
import { stockNetwork, type StockVariables } from "./stock_network.ts";

/** SGD's dials, which all sides share. */
export const SGD_DIALS = { momentum: 0.9, weightDecay: 5e-4 } as const;

/** What a step is taken from: embeddings [batch, dim] of images [batch, S, S, 3]. */
export type StockForward = (images: tf.Tensor4D) => tf.Tensor2D;

/**
 * Training steps with tfjs's own kernels, on the adapter and the device that ours use: forward, tape, SGD with momentum. It begins
 * with copies of the values that a backbone and a head of ours have when it is made.
 */
export class StockTraining {
  readonly #gpu: Gpu;
  readonly #variables: StockVariables;
  readonly #trained: readonly tf.Variable[];
  readonly #velocities: readonly tf.Variable[];
  readonly #forward: StockForward;

  /** Copies the values of `backbone` and `head`; `forward` takes the place of the network where the backbone is none of ours. */
  constructor(gpu: Gpu, backbone: Backbone, head: Head, forward?: (variables: StockVariables) => StockForward) {
    this.#gpu = gpu;
    const variables = new Map([...copies(backbone.parameters, ""), ...copies(head.parameters, "head.")]);
    this.#variables = variables;
    this.#trained = [...variables.values()].filter(({ trainable }) => trainable);
    this.#velocities = this.#trained.map(({ shape }) => tf.tidy(() => tf.variable(tf.zeros(shape), false)));
    this.#forward = forward?.(variables) ??
      stockNetwork(planNetwork({ model: backbone.name, ...backbone.options }), variables);
  }

  /** Takes a step at learning rate `rate`, waits for it, and gives the loss before it. */
  async step(images: tf.Tensor4D, labels: tf.Tensor1D, rate: number): Promise<number> {
    const trained = [...this.#trained];
    let metrics: tf.Tensor1D | undefined;
    const { value, grads } = tf.variableGrads(() => {
      const step = stockHead(this.#variables, this.#forward(images), labels);
      metrics = step.metrics;
      return step.loss;
    }, trained);
    const { momentum, weightDecay } = SGD_DIALS;
    tf.tidy(() => {
      trained.forEach((variable, i) => {
        const velocity = this.#velocities[i];
        velocity.assign(velocity.mul(momentum).add(grads[variable.name]).add(variable.mul(weightDecay)));
        variable.assign(variable.sub(velocity.mul(rate)));
      });
    });
    // Comes after everything that was recorded before: the update too.
    const [loss] = await this.#gpu.kernels.read(value);
    tf.dispose([value, grads]);
    metrics?.dispose();
    return loss;
  }

  /** Frees the GPU's memory. */
  dispose(): void {
    tf.dispose([...this.#variables.values(), ...this.#velocities]);
  }
}

/** Variables with the same values in memory of their own: ours are changed in place. */
function copies(parameters: Parameters, prefix: string): [string, tf.Variable][] {
  return parameters.list().map(({ name, parts, trainable }) => {
    if (parts.length > 1) throw new Error(`StockTraining: ${name} is more than one tensor`);
    return [prefix + name, tf.tidy(() => tf.variable(parts[0].mul(1), trainable))];
  });
}
