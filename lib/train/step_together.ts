import type { Group } from "../dist/group.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Together } from "../gpu/together.ts";
import { joined } from "../nn/parameters.ts";

/** The ranks of a group, as the operations of a training step see them. */
export class StepTogether implements Together {
  readonly rank: number;
  readonly size: number;
  shares: readonly number[];
  isActive = true;
  readonly #gpu: Gpu;
  readonly #group: Group;

  /** Of the ranks of a group, each on its own device. */
  constructor(gpu: Gpu, group: Group) {
    this.#gpu = gpu;
    this.#group = group;
    this.rank = group.rank;
    this.size = group.size;
    this.shares = new Array(group.size).fill(1);
  }

  gather<T extends Tensor>(x: T, rows: readonly number[]): T {
    const [, ...others] = x.shape;
    const all = rows.reduce((sum, count) => sum + count, 0);
    const own = rows[this.rank] * others.reduce((a, b) => a * b, 1);
    return this.#gpu.kernels.exchange("gather", x, [all, ...others], async ({ buffer }) => {
      const values = joined(await this.#group.allGather(new Float32Array(buffer, 0, own)));
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    }) as T;
  }

  sum<T extends Tensor>(x: T): T {
    return this.#gpu.kernels.exchange("sum", x, x.shape, async (bytes) => {
      await this.#group.sum(new Float32Array(bytes.buffer));
      return bytes;
    }) as T;
  }
}
