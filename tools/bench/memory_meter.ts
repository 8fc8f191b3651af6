/** Bytes of a texel, by format: those that kernels read through. */
const TEXEL_BYTES: Readonly<Record<string, number>> = {
  rgba32float: 16,
  rg32uint: 8,
  r32float: 4,
  r32sint: 4,
  r32uint: 4,
};

/** Counts the bytes of a device's buffers and textures from when it is made: those that are there now, and the most there were. */
export class MemoryMeter {
  readonly #undo: () => void;
  #live = 0;
  #peak = 0;

  /** Begins to count; only what is made from now on is. */
  constructor(device: GPUDevice) {
    const { createBuffer, createTexture } = device;
    device.createBuffer = (descriptor) => this.#count(createBuffer.call(device, descriptor), descriptor.size);
    device.createTexture = (descriptor) => {
      const [width, height = 1, layers = 1] = [...descriptor.size as Iterable<number>];
      const texel = TEXEL_BYTES[descriptor.format];
      if (texel === undefined) throw new Error(`MemoryMeter: bytes of the format ${descriptor.format} are not known`);
      return this.#count(createTexture.call(device, descriptor), width * height * layers * texel);
    };
    this.#undo = () => Object.assign(device, { createBuffer, createTexture });
  }

  /** Bytes that are there now. Memory that a pool keeps for later counts: nobody else can have it. */
  get live(): number {
    return this.#live;
  }

  /** Most bytes there were since the last call of {@linkcode resetPeak}. */
  get peak(): number {
    return this.#peak;
  }

  /** Begins a new peak with what is there now. */
  resetPeak(): void {
    this.#peak = this.#live;
  }

  #count<T extends { destroy(): undefined }>(thing: T, bytes: number): T {
    this.#live += bytes;
    this.#peak = Math.max(this.#peak, this.#live);
    const destroy = thing.destroy.bind(thing);
    let isThere = true;
    thing.destroy = () => {
      if (isThere) this.#live -= bytes;
      isThere = false;
      return destroy();
    };
    return thing;
  }

  /** Counts no more. */
  [Symbol.dispose](): void {
    this.#undo();
  }
}
