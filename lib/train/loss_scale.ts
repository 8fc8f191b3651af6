import * as tf from "../deps/tfjs.ts";
import {
  LOSS_SCALE_VALUES,
  type LossScaleLimits,
  settleLossScaleKernel,
  timesLossScaleKernel,
  unscaleKernel,
} from "../gpu/kernels/loss_scale.ts";
import { gradientOp } from "../gpu/ops/gradient_op.ts";
import { rowRanges } from "../gpu/row_ranges.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";

/** Where a loss scale stands. */
export interface LossScaleState {
  /** What gradients are multiplied by before they pass through half precision; a power of two. */
  readonly scale: number;
  /** Steps in a row whose gradients were finite, since it last changed. */
  readonly steps: number;
  /** Steps whose gradients were not finite, and which were not taken. */
  readonly skipped: number;
}

/** How a loss scale begins, and when it grows. */
export interface LossScaleOptions extends Partial<LossScaleLimits> {
  /** @default 65536 */
  readonly initial?: number;
}

/** As PyTorch's gradient scaler: 2^16 to begin with, doubled every 2000 steps. */
const DEFAULTS = { initial: 2 ** 16, interval: 2000, largest: 2 ** 24, smallest: 2 ** -14 };

/** Gradients of one kernel. */
const MOST_AT_ONCE = 6;

/**
 * The factor that lifts the network's gradients out of what half precision cannot hold. It halves when one of them is not finite, and
 * that step is left out; after enough finite ones it doubles. All of it happens on the GPU, and nothing is waited for.
 *
 * The head does not see it: its gradients are float32 throughout.
 */
export class LossScale {
  /** [scale, steps, skipped] on the GPU. */
  readonly state: tf.Tensor1D;
  readonly #gpu: Gpu;
  readonly #limits: LossScaleLimits;
  readonly #found: tf.Tensor;

  /** Starts at the initial scale. */
  constructor(gpu: Gpu, options: LossScaleOptions = {}) {
    const { initial, ...limits } = { ...DEFAULTS, ...options };
    this.#gpu = gpu;
    this.#limits = limits;
    this.state = tf.keep(gpu.kernels.zeros([LOSS_SCALE_VALUES]) as tf.Tensor1D);
    this.#found = tf.keep(gpu.kernels.zeros([1]));
    this.load({ scale: initial, steps: 0, skipped: 0 });
  }

  /** The embeddings as they are, whose gradient is multiplied on its way down into the network. */
  lift(embeddings: tf.Tensor2D): tf.Tensor2D {
    return gradientOp(
      { embeddings },
      () => embeddings.clone(),
      (dy) => ({
        embeddings: () =>
          this.#gpu.kernels.run(timesLossScaleKernel(dy.size), [dy, this.state], [{ shape: dy.shape }])[0],
      }),
    ) as tf.Tensor2D;
  }

  /** Divides the network's gradients, in place, and notes whether all of them are finite. */
  unscale(gradients: readonly tf.Tensor[]): void {
    const most = Math.min(MOST_AT_ONCE, this.#gpu.device.limits.maxStorageBuffersPerShaderStage - 2);
    for (const wide of [true, false]) {
      const alike = gradients.filter(({ size }) => (size % 4 === 0) === wide);
      for (const { first, count } of rowRanges(alike.length, most)) {
        const group = alike.slice(first, first + count);
        const spec = unscaleKernel(group.map(({ size }) => size));
        this.#gpu.kernels.run(spec, [this.state], [this.#found, ...group]);
      }
    }
  }

  /** Ends a step: moves the scale, and gives [1], 1 where the step is not to be taken. */
  settle(): tf.Tensor1D {
    const spec = settleLossScaleKernel(this.#limits);
    const [, , skip] = this.#gpu.kernels.run(spec, [], [this.#found, this.state, { shape: [1] }]);
    return skip as tf.Tensor1D;
  }

  /** Where it stands; waits for the GPU. */
  async read(): Promise<LossScaleState> {
    const [scale, steps, skipped] = await this.#gpu.kernels.read(this.state);
    return { scale, steps, skipped };
  }

  /** Goes on from there. */
  load({ scale, steps, skipped }: LossScaleState): void {
    this.#gpu.kernels.write(this.state, Float32Array.of(scale, steps, skipped));
  }

  /** Frees the GPU's memory. */
  dispose(): void {
    tf.dispose([this.state, this.#found]);
  }
}
