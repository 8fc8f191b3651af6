/** Bytes that go between the device and the processor at once: while some are on their way, others are worked on. */
const CHUNK_BYTES = 2 ** 24;

/** Buffers whose bytes are at one stretch of the copy. */
interface Chunk {
  /** Parts of buffers, one after the other; `at` is the byte of the chunk. */
  readonly parts: readonly {
    readonly source: number;
    readonly offset: number;
    readonly at: number;
    readonly bytes: number;
  }[];
  /** First value of the copy. */
  readonly first: number;
  readonly bytes: number;
  readonly fromDevice: GPUBuffer;
  readonly toDevice: GPUBuffer;
}

/**
 * The values of buffers on the processor and back, again and again: through memory that both sees, which is made once. It takes twice the
 * bytes of the buffers.
 */
export class HostCopy {
  readonly #device: GPUDevice;
  readonly #chunks: Chunk[] = [];

  /** Of buffers of so many bytes, multiples of four. */
  constructor(device: GPUDevice, sizes: readonly number[]) {
    this.#device = device;
    let parts: Chunk["parts"][number][] = [];
    let [bytes, first] = [0, 0];
    const close = () => {
      if (bytes === 0) return;
      const make = (label: string, usage: number) => device.createBuffer({ label, size: bytes, usage });
      this.#chunks.push({
        parts,
        first,
        bytes,
        fromDevice: make("to the processor", GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST),
        toDevice: make("to the device", GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC),
      });
      first += bytes / 4;
      parts = [];
      bytes = 0;
    };
    for (const [source, size] of sizes.entries()) {
      for (let offset = 0; offset < size;) {
        const part = Math.min(size - offset, CHUNK_BYTES - bytes);
        parts.push({ source, offset, at: bytes, bytes: part });
        offset += part;
        bytes += part;
        if (bytes === CHUNK_BYTES) close();
      }
    }
    close();
  }

  /**
   * Brings the values of `buffers` to `values`, hands stretch after stretch to `change`, and brings what it leaves there back. Everything
   * submitted before is in it.
   */
  async exchange(
    buffers: readonly GPUBuffer[],
    values: Float32Array,
    change: (stretch: Float32Array) => Promise<void>,
  ): Promise<void> {
    const device = this.#device;
    const submit = (record: (encoder: GPUCommandEncoder) => void) => {
      const encoder = device.createCommandEncoder();
      record(encoder);
      device.queue.submit([encoder.finish()]);
    };
    for (const chunk of this.#chunks) {
      submit((encoder) => {
        for (const { source, offset, at, bytes } of chunk.parts) {
          encoder.copyBufferToBuffer(buffers[source], offset, chunk.fromDevice, at, bytes);
        }
      });
    }
    const arrived = this.#chunks.map(({ fromDevice }) => fromDevice.mapAsync(GPUMapMode.READ));
    const writable = this.#chunks.map(({ toDevice }) => toDevice.mapAsync(GPUMapMode.WRITE));
    // Whoever leaves early never looks at the others.
    [...arrived, ...writable].forEach((one) => one.catch(() => {}));
    for (const [k, chunk] of this.#chunks.entries()) {
      const stretch = values.subarray(chunk.first, chunk.first + chunk.bytes / 4);
      await arrived[k];
      stretch.set(new Float32Array(chunk.fromDevice.getMappedRange()));
      chunk.fromDevice.unmap();
      await change(stretch);
      await writable[k];
      new Float32Array(chunk.toDevice.getMappedRange()).set(stretch);
      chunk.toDevice.unmap();
      submit((encoder) => {
        for (const { source, offset, at, bytes } of chunk.parts) {
          encoder.copyBufferToBuffer(chunk.toDevice, at, buffers[source], offset, bytes);
        }
      });
    }
  }

  /** Frees the memory. */
  dispose(): void {
    for (const { fromDevice, toDevice } of this.#chunks) [fromDevice, toDevice].forEach((buffer) => buffer.destroy());
    this.#chunks.length = 0;
  }
}
