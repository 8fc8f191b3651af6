import type { Group } from "../dist/group.ts";
import { HostCopy } from "../gpu/host_copy.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Tensor } from "../gpu/tensor.ts";

/** Means over the ranks of tensors that each has on its own device. */
export class RankAverage {
  readonly #gpu: Gpu;
  readonly #group: Group;
  readonly #tensors: readonly Tensor[];
  readonly #values: Float32Array;
  readonly #copy: HostCopy;

  private constructor(gpu: Gpu, group: Group, tensors: readonly Tensor[], values: Float32Array) {
    this.#gpu = gpu;
    this.#group = group;
    this.#tensors = tensors;
    this.#values = values;
    this.#copy = new HostCopy(gpu.device, tensors.map(({ size }) => 4 * size));
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

  /** Frees the memory; the group's array lasts as long as the group. */
  dispose(): void {
    this.#copy.dispose();
  }

  /**
   * Puts the means into the tensors, the same on all ranks bit for bit. Ranks count by `weights`, of which some may be 0.
   *
   * @default all alike
   */
  async average(weights?: readonly number[]): Promise<void> {
    const group = this.#group;
    const isAlike = weights === undefined || weights.every((weight) => weight === weights[0]);
    const share = isAlike ? 1 : weights[group.rank] / weights.reduce((sum, weight) => sum + weight, 0);
    await this.#gpu.kernels.exchangeAll(this.#tensors, this.#copy, this.#values, (stretch) => {
      if (isAlike) return group.average(stretch);
      for (let i = 0; i < stretch.length; i++) stretch[i] *= share;
      return group.sum(stretch);
    });
  }
}
