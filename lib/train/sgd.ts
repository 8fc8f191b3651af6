import * as tf from "../deps/tfjs.ts";
import { sgdKernel } from "../gpu/kernels/sgd.ts";
import { alikeGroups, rowRanges, rowsOf, rowsPerBinding } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { ClassUpdate } from "../head/head.ts";
import { type Parameter, readParameters, type StateDict, writeParameter } from "../nn/parameters.ts";

/** What does not change from step to step. */
export interface SgdOptions {
  /** Share of the old velocity that is kept. */
  readonly momentum: number;
  /** Pull of every parameter towards zero. */
  readonly weightDecay: number;
}

/** Parameters of one kernel. */
const MOST_AT_ONCE = 8;

/** Stochastic gradient descent with momentum, in place: v = momentum v + (g + decay p), p = p - rate v. */
export class Sgd {
  readonly #gpu: Gpu;
  readonly #options: SgdOptions;
  readonly #named: readonly (readonly [string, Parameter])[];
  /** Velocity of each parameter, in parts as it is. */
  readonly velocities: readonly (readonly tf.Tensor[])[];
  /** Learning rate, momentum, weight decay. */
  readonly #hyper: tf.Tensor1D;

  /** `named` are the trained parameters under the names their velocities are saved by. */
  constructor(gpu: Gpu, named: readonly (readonly [string, Parameter])[], options: SgdOptions) {
    this.#gpu = gpu;
    this.#options = options;
    this.#named = named;
    this.#hyper = tf.keep(gpu.kernels.zeros([3]) as tf.Tensor1D);
    this.velocities = named.map(([, { parts }]) => parts.map((part) => tf.keep(gpu.kernels.zeros(part.shape))));
  }

  /** The learning rate of the steps from here on; 0 at first. */
  setRate(rate: number): void {
    const { momentum, weightDecay } = this.#options;
    this.#gpu.kernels.write(this.#hyper, Float32Array.of(rate, momentum, weightDecay));
  }

  /**
   * One step along `gradients` times `scale`: one for each parameter in their order, in parts as it is, or none where
   * {@linkcode Sgd.classUpdate} moves the parameter. With `skip` [1] other than 0 nothing moves.
   */
  step(
    gradients: readonly (readonly tf.Tensor[] | undefined)[],
    scale: tf.Scalar,
    skip?: tf.Tensor1D,
  ): void {
    tf.tidy(() => {
      const hyper = tf.concat([this.#hyper, scale.reshape<tf.Tensor1D>([1]), skip ?? tf.zeros<tf.Rank.R1>([1])]);
      const parts = this.#named.flatMap(([, { parts }], i) =>
        (gradients[i] ?? []).flatMap((gradient, k) =>
          // Class weights may be larger than one binding.
          rowRanges(gradient.size, rowsPerBinding(this.#gpu, 1)).map(({ first, count }) => ({
            size: count,
            tensors: [gradient, this.velocities[i][k], parts[k]].map((tensor) => rowsOf(tensor, first, count, 1)),
          }))
        )
      );
      // As many at a time as one kernel can bind: most are small, and a dispatch costs more than they do.
      const bindings = this.#gpu.device.limits.maxStorageBuffersPerShaderStage;
      for (const group of alikeGroups(parts, Math.min(MOST_AT_ONCE, Math.floor((bindings - 1) / 3)))) {
        const [gradient, velocity, parameter] = [0, 1, 2].map((k) => group.map(({ tensors }) => tensors[k]));
        this.#gpu.kernels.run(sgdKernel(group.map(({ size }) => size)), [hyper, ...gradient], [
          ...velocity,
          ...parameter,
        ]);
      }
    });
  }

  /** What moves the parameter of this name in the backward pass. */
  classUpdate(name: string): ClassUpdate {
    const i = this.#named.findIndex(([known]) => known === name);
    return { hyper: this.#hyper, velocities: this.velocities[i] };
  }

  /** Velocities by name, in PyTorch's layout. */
  async state(): Promise<StateDict> {
    const pairs = this.#named.map(([, parameter], i) => [parameter, this.velocities[i]] as const);
    const tensors = await readParameters(this.#gpu, pairs);
    return new Map(this.#named.map(([name], i) => [name, tensors[i]]));
  }

  /** Takes velocities up again; those without an entry start at zero. */
  load(state: StateDict): void {
    this.#named.forEach(([name, parameter], i) => {
      const value = state.get(name);
      if (value) writeParameter(this.#gpu, parameter, this.velocities[i], value);
    });
  }

  /** Frees the GPU's memory. */
  dispose(): void {
    tf.dispose([this.#hyper, ...this.velocities.flat()]);
  }
}
