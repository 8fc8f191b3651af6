import type { BackendInternals } from "./backend_internals.ts";
import { type Command, type Exchange, Recording } from "./recording.ts";
import type { TextureCopies } from "./texture_copies.ts";

/** Numbers for objects, by which a signature names what is the same from one recording to the next. */
const numbers = new WeakMap<object, number>();
let nextNumber = 0;

function numberOf(one: object): number {
  let number = numbers.get(one);
  if (number === undefined) numbers.set(one, number = nextNumber++);
  return number;
}

/** What a bind group was made of. */
interface Bound {
  readonly group: GPUBindGroup;
  readonly buffers: readonly GPUBufferBinding[];
}

/**
 * Notes down every command that is recorded on tfjs's backend, its own and ours, while they are carried out as ever. To that end it takes
 * the place of some of the backend's methods until it is stopped.
 */
export class Recorder {
  /** Owners of values that were changed by our kernels. */
  readonly changed = new Set<object>();
  readonly #device: GPUDevice;
  readonly #backend: BackendInternals;
  readonly #copies: TextureCopies | undefined;
  readonly #dry: boolean;
  readonly #commands: Command[] = [];
  readonly #words: (() => string)[] = [];
  /** Taken from the pool since the start. */
  readonly #acquired = new Set<GPUBuffer>();
  readonly #used = new Set<GPUBuffer>();
  readonly #constants: GPUBuffer[] = [];
  readonly #uniforms: GPUBuffer[] = [];
  readonly #bound = new WeakMap<GPUBindGroup, Bound["buffers"]>();
  readonly #restore: (() => void)[] = [];
  /** Commands of an upload are not noted: its staging buffer does not last. */
  #isPaused = false;

  /** Starts. `copies` are those that kernels read from now on. What is noted `dry` is not carried out: uploads alone are. */
  constructor(device: GPUDevice, backend: BackendInternals, copies: TextureCopies | undefined, dry: boolean) {
    this.#device = device;
    this.#backend = backend;
    this.#copies = copies;
    this.#dry = dry;
    this.#replace(device, "createBindGroup", (original) => (descriptor) => {
      const group = original(descriptor);
      const resources = [...descriptor.entries].map(({ resource }) => resource as GPUBufferBinding);
      this.#bound.set(group, resources.filter(({ buffer }) => buffer !== undefined));
      return group;
    });
    this.#replace(backend.bufferManager, "acquireBuffer", (original) => (...asked) => {
      const buffer = original(...asked);
      this.#acquired.add(buffer);
      return buffer;
    });
    this.#replace(backend, "ensureCommandEncoderReady", (original) => () => {
      const isNew = backend.commandEncoder === null || backend.commandEncoder === undefined;
      original();
      if (isNew) backend.commandEncoder = this.#noting(backend.commandEncoder!);
    });
    this.#replace(backend, "makeUniforms", (original) => (values) => {
      // The values stay in a buffer that nobody else gets.
      const made = original(values);
      const text = JSON.stringify(values);
      this.#words.push(() => `uniforms ${text}`);
      backend.uniformPendingDisposal.splice(backend.uniformPendingDisposal.indexOf(made.buffer), 1);
      this.#uniforms.push(made.buffer);
      return made;
    });
    this.#replace(backend, "uploadToGPU", (original) => (id) => {
      const { resource, values, dtype } = backend.tensorMap.get(id);
      if (resource || !values) return original(id);
      const words = dtype === "float32" ? Float32Array.from(values) : Int32Array.from(values);
      this.#isPaused = true;
      try {
        original(id);
      } finally {
        this.#isPaused = false;
      }
      this.#noteUpload(new Uint8Array(words.buffer), backend.tensorMap.get(id).resource!);
    });
  }

  /** Lets go of the backend. */
  stop(): void {
    for (const restore of this.#restore.splice(0).reverse()) restore();
  }

  /** What was noted; all of it must have been submitted. */
  get recording(): Recording {
    return new Recording({
      commands: this.#commands,
      signature: this.#words.map((word) => word()).join("\n"),
      used: this.#used,
      constants: this.#constants,
      uniforms: this.#uniforms,
      changed: this.changed,
      copies: this.#copies,
    }, this.#backend);
  }

  /** Puts another method in the place of an object's, for as long as the recorder is there. */
  #replace<O extends object, K extends keyof O>(object: O, name: K, make: (original: O[K]) => O[K]): void {
    const own = Object.getOwnPropertyDescriptor(object, name);
    const original = object[name] as O[K] & ((...args: unknown[]) => unknown);
    object[name] = make(original.bind(object) as O[K]);
    this.#restore.push(() => {
      if (own) Object.defineProperty(object, name, own);
      else delete object[name];
    });
  }

  /** Notes an exchange; `from` and `to` are whole buffers' first bytes. */
  exchange(name: string, from: GPUBuffer, to: GPUBuffer, sizes: readonly [number, number], exchange: Exchange): void {
    this.#note({ kind: "exchange", from, to, sizes, exchange }, [from, to], `exchange ${name} ${sizes}`);
  }

  #noting(encoder: GPUCommandEncoder): GPUCommandEncoder {
    const carriesOut = () => !this.#dry || this.#isPaused;
    return {
      beginComputePass: (descriptor: GPUComputePassDescriptor) =>
        this.#notingPass(carriesOut() ? encoder.beginComputePass(descriptor) : undefined),
      copyBufferToBuffer: (from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, size: number) => {
        if (carriesOut()) encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, size);
        this.#noteCopy(from, fromOffset, to, toOffset, size);
      },
      clearBuffer: (buffer: GPUBuffer) => {
        if (carriesOut()) encoder.clearBuffer(buffer);
        this.#note({ kind: "clear", buffer }, [buffer], "clear");
      },
      copyBufferToTexture: (from: GPUTexelCopyBufferInfo, to: GPUTexelCopyTextureInfo, size: GPUExtent3D) => {
        if (carriesOut()) encoder.copyBufferToTexture(from, to, size);
        this.#note({ kind: "texture", from, to, size }, [from.buffer], `texture ${from.offset} ${size}`);
      },
      finish: () => encoder.finish(),
    } as unknown as GPUCommandEncoder;
  }

  /** Without a pass the commands are noted alone. */
  #notingPass(pass: GPUComputePassEncoder | undefined): GPUComputePassEncoder {
    let pipeline: GPUComputePipeline;
    let group: GPUBindGroup;
    return {
      setPipeline: (next: GPUComputePipeline) => {
        pipeline = next;
        pass?.setPipeline(next);
      },
      setBindGroup: (index: number, next: GPUBindGroup) => {
        group = next;
        pass?.setBindGroup(index, next);
      },
      dispatchWorkgroups: (x: number, y = 1, z = 1) => {
        pass?.dispatchWorkgroups(x, y, z);
        const buffers = this.#bound.get(group)!;
        const parts = buffers.map(({ offset = 0, size }) => `${offset}+${size}`);
        this.#note(
          { kind: "dispatch", pipeline, group, workgroups: [x, y, z] },
          buffers.map(({ buffer }) => buffer),
          `dispatch ${numberOf(pipeline)} ${x} ${y} ${z} ${parts}`,
        );
      },
      end: () => pass?.end(),
    } as unknown as GPUComputePassEncoder;
  }

  #noteCopy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, size: number): void {
    const command = { kind: "copy", from, fromOffset, to, toOffset, size } as const;
    this.#note(command, [from, to], `copy ${fromOffset} ${toOffset} ${size}`);
  }

  /** Values from the processor come from a buffer that keeps them. */
  #noteUpload(bytes: Uint8Array<ArrayBuffer>, to: GPUBuffer): void {
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const from = this.#device.createBuffer({ label: "constant of a recording", size: to.size, usage });
    this.#constants.push(from);
    this.#device.queue.writeBuffer(from, 0, bytes);
    const command = { kind: "copy", from, fromOffset: 0, to, toOffset: 0, size: to.size } as const;
    this.#note(command, [to], `constant ${hash(bytes)}`);
  }

  #note(command: Command, buffers: readonly GPUBuffer[], words: string): void {
    if (this.#isPaused) return;
    this.#commands.push(command);
    buffers.forEach((buffer) => this.#used.add(buffer));
    this.#words.push(() => `${words} ${buffers.map((buffer) => this.#nameOf(buffer))}`);
  }

  /** What a recording takes from the pool may be another buffer the next time; what was there before must be the same one. */
  #nameOf(buffer: GPUBuffer): string {
    return this.#acquired.has(buffer) ? `new ${buffer.size}` : `${numberOf(buffer)}`;
  }
}

/** FNV-1a, 53 bits of it, of bytes. */
function hash(bytes: Uint8Array): string {
  let low = 2166136261, high = 84696351;
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 16777619);
    high = Math.imul(high ^ byte ^ (low >>> 24), 16777619);
  }
  return `${bytes.length}:${(low >>> 0).toString(16)}${(high >>> 0).toString(16)}`;
}
