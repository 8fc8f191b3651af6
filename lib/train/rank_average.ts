import type { Group } from "../dist/group.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Means over the ranks of tensors that each has on its own device. */
export class RankAverage {
  readonly #gpu: Gpu;
  readonly #group: Group;
  readonly #tensors: readonly Tensor[];
  readonly #values: Float32Array;

  private constructor(gpu: Gpu, group: Group, tensors: readonly Tensor[], values: Float32Array) {
    this.#gpu = gpu;
    this.#group = group;
    this.#tensors = tensors;
    this.#values = values;
  }

  /** Of these float32 tensors, which have the same sizes on all ranks; all ranks call it. */
  static async of(gpu: Gpu, group: Group, tensors: readonly Tensor[]): Promise<RankAverage> {
    const values = await group.allocate(tensors.reduce((sum, { size }) => sum + size, 0));
    return new RankAverage(gpu, group, tensors, values);
  }

  /** Values of all tensors. */
  get size(): number {
    return this.#values.length;
  }

  /**
   * Puts the means into the tensors, the same on all ranks bit for bit. Ranks count by `weights`, of which some may be 0.
   *
   * @default all alike
   */
  async average(weights?: readonly number[]): Promise<void> {
    const { kernels } = this.#gpu;
    const values = this.#values;
    await kernels.readInto(this.#tensors, values);
    if (weights === undefined || weights.every((weight) => weight === weights[0])) await this.#group.average(values);
    else {
      const share = weights[this.#group.rank] / weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < values.length; i++) values[i] *= share;
      await this.#group.sum(values);
    }
    let at = 0;
    for (const tensor of this.#tensors) kernels.write(tensor, values.subarray(at, at += tensor.size));
  }
}
