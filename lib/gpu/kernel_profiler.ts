/** Time spent in one kernel. */
export interface KernelTime {
  /** The spec's name. */
  readonly name: string;
  /** Times it ran. */
  count: number;
  /** Milliseconds of all runs together, by the device's clock. */
  milliseconds: number;
}

/** Timestamps held at once: two per dispatch. */
const MOST_QUERIES = 4096;

/** Times kernels by the device's own clock; needs the feature timestamp-query. */
export class KernelProfiler {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #names: string[] = [];
  #asked = 0;

  /** Makes room for 2048 dispatches; those after are not timed. */
  constructor(device: GPUDevice) {
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: MOST_QUERIES });
    this.#resolved = device.createBuffer({
      size: MOST_QUERIES * 8,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  /** Descriptor of the compute pass that one dispatch of the kernel `name` is to have to itself. */
  pass(name: string): GPUComputePassDescriptor {
    this.#asked++;
    const at = 2 * this.#names.length;
    if (at + 2 > MOST_QUERIES) return {};
    this.#names.push(name);
    return {
      timestampWrites: { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
    };
  }

  /** Dispatches that have asked for a place so far, also those that found none. */
  get timed(): number {
    return this.#asked;
  }

  /** Waits for the device and sums up by kernel, the longest first; all of it must have been submitted. */
  async read(): Promise<KernelTime[]> {
    const times = new Map<string, KernelTime>();
    for (const { name, milliseconds } of await this.readEach()) {
      const time = times.get(name) ?? { name, count: 0, milliseconds: 0 };
      time.count++;
      time.milliseconds += milliseconds;
      times.set(name, time);
    }
    return [...times.values()].sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** Waits for the device: every dispatch that found a place, in their order. */
  async readEach(): Promise<Pick<KernelTime, "name" | "milliseconds">[]> {
    const count = 2 * this.#names.length;
    const size = Math.max(1, count) * 8;
    const copy = this.#device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = this.#device.createCommandEncoder();
    if (count > 0) {
      encoder.resolveQuerySet(this.#queries, 0, count, this.#resolved, 0);
      encoder.copyBufferToBuffer(this.#resolved, 0, copy, 0, size);
    }
    this.#device.queue.submit([encoder.finish()]);
    await copy.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(copy.getMappedRange().slice(0));
    copy.destroy();
    return this.#names.map((name, i) => ({ name, milliseconds: Number(stamps[2 * i + 1] - stamps[2 * i]) / 1e6 }));
  }

  /** Frees the device's memory. */
  dispose(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
  }
}
