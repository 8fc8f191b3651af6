import type { Group, Reduction } from "./group.ts";
import type { GroupMemory } from "./group_memory.ts";
import { OperationQueue } from "./operation_queue.ts";
import { reduceParts, shareBounds } from "./reduce_parts.ts";

/** What a {@linkcode WorkerGroup} is made of. */
export interface WorkerGroupOptions {
  /** Number of this rank. */
  readonly rank: number;
  /** What the ranks share. */
  readonly memory: GroupMemory;
  /** Milliseconds that an operation waits for the other ranks. */
  readonly limit: number;
  /** Has shared buffers made, one for each rank, the same ones for all ranks. Called by all ranks at the same meeting. */
  readonly allocate: (bytes: number) => Promise<readonly SharedArrayBuffer[]>;
  /** Told when this rank fails the group. */
  readonly onFail?: (reason: string) => void;
}

/**
 * Ranks in Web Workers of one process, with shared memory. Each rank reduces its share of the elements from all ranks' arrays
 * and writes it into all of them, between two meetings: nothing is copied besides, and no number is added twice.
 * Arrays that were not allocated by the group go through a shared window, a part at a time.
 */
export class WorkerGroup implements Group {
  readonly rank: number;
  readonly size: number;
  readonly #options: WorkerGroupOptions;
  readonly #queue = new OperationQueue();
  /** Of each buffer of this rank, the same one of all ranks. */
  readonly #shared = new Map<ArrayBufferLike, readonly SharedArrayBuffer[]>();

  /** See {@linkcode launchRanks}, which makes what it takes. */
  constructor(options: WorkerGroupOptions) {
    this.rank = options.rank;
    this.size = options.memory.size;
    this.#options = options;
  }

  barrier(): Promise<void> {
    return this.#queue.run(async () => {
      await this.#meet("barrier", 0);
    });
  }

  allocate(length: number): Promise<Float32Array> {
    return this.#queue.run(async () => {
      await this.#meet("allocate", length);
      const buffers = await this.#options.allocate(4 * length);
      const own = buffers[this.rank];
      this.#shared.set(own, buffers);
      return new Float32Array(own);
    });
  }

  average(...arrays: Float32Array[]): Promise<void> {
    return this.#reduce("average", arrays);
  }

  sum(...arrays: Float32Array[]): Promise<void> {
    return this.#reduce("sum", arrays);
  }

  max(...arrays: Float32Array[]): Promise<void> {
    return this.#reduce("max", arrays);
  }

  async gather(values: readonly number[]): Promise<number[][]> {
    const all = await this.#allGather("gather", new Uint8Array(Float64Array.from(values).buffer));
    return all.map((bytes) => [...new Float64Array(bytes.buffer)]);
  }

  async allGather(values: Float32Array): Promise<Float32Array<ArrayBuffer>[]> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return (await this.#allGather("allGather", bytes)).map(({ buffer }) => new Float32Array(buffer));
  }

  allGatherBytes(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#allGather("allGatherBytes", bytes);
  }

  check(): void {
    this.#options.memory.check();
  }

  fail(reason: string): Promise<void> {
    this.#options.memory.abort(this.rank, reason);
    this.#options.onFail?.(reason);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #meet(name: string, length: number, mayDiffer = false): Promise<number[]> {
    return this.#options.memory.meet(this.rank, { name, length, mayDiffer }, this.#options.limit);
  }

  #reduce(reduction: Reduction, arrays: readonly Float32Array[]): Promise<void> {
    return this.#queue.run(async () => {
      if (this.size === 1) return this.check();
      const inPlace = arrays.filter(({ buffer }) => this.#shared.has(buffer));
      if (inPlace.length > 0) await this.#reduceInPlace(reduction, inPlace);
      for (const array of arrays) {
        if (!this.#shared.has(array.buffer)) await this.#reduceThroughStage(reduction, array);
      }
    });
  }

  async #reduceInPlace(reduction: Reduction, arrays: readonly Float32Array[]): Promise<void> {
    const total = arrays.reduce((sum, { length }) => sum + length, 0);
    await this.#meet(reduction, total);
    for (const { buffer, byteOffset, length } of arrays) {
      const all = this.#shared.get(buffer)!.map((one) => new Float32Array(one, byteOffset, length));
      this.#reduceShare(reduction, all);
    }
    await this.#meet("reduced", total);
  }

  async #reduceThroughStage(reduction: Reduction, array: Float32Array): Promise<void> {
    const { memory } = this.#options;
    const most = memory.stage(this.rank).floats.length;
    for (let from = 0; from < array.length; from += most) {
      const part = array.subarray(from, from + most);
      const all = Array.from({ length: this.size }, (_, rank) => memory.stage(rank).floats.subarray(0, part.length));
      all[this.rank].set(part);
      await this.#meet(reduction, array.length);
      this.#reduceShare(reduction, all);
      await this.#meet("reduced", array.length);
      part.set(all[this.rank]);
    }
  }

  /** Reduces this rank's share of arrays that all ranks see. */
  #reduceShare(reduction: Reduction, all: readonly Float32Array[]): void {
    const bounds = shareBounds(all[0].length, this.size);
    const shares = all.map((one) => one.subarray(bounds[this.rank], bounds[this.rank + 1]));
    // Of the own array first: the others get copies of what is in the cache.
    reduceParts(shares, [shares[this.rank], ...shares.filter((_, rank) => rank !== this.rank)], reduction);
  }

  #allGather(name: string, bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>[]> {
    return this.#queue.run(async () => {
      const { memory } = this.#options;
      let results: Uint8Array<ArrayBuffer>[] | undefined;
      let from = 0;
      do {
        const stages = Array.from({ length: this.size }, (_, rank) => memory.stage(rank).bytes);
        const most = stages[this.rank].length;
        stages[this.rank].set(bytes.subarray(from, from + most));
        const lengths = await this.#meet(name, bytes.length, true);
        results ??= lengths.map((length) => new Uint8Array(length));
        for (const [rank, result] of results.entries()) {
          if (from < result.length) result.set(stages[rank].subarray(0, Math.min(most, result.length - from)), from);
        }
        from += most;
      } while (results.some(({ length }) => from < length));
      return results;
    });
  }
}
