import type { BackendInternals } from "./backend_internals.ts";
import type { TextureCopies } from "./texture_copies.ts";

/** A command of a step, with everything it needs. */
export type Command =
  | {
    readonly kind: "dispatch";
    readonly pipeline: GPUComputePipeline;
    readonly group: GPUBindGroup;
    readonly workgroups: readonly [number, number, number];
  }
  | {
    readonly kind: "copy";
    readonly from: GPUBuffer;
    readonly fromOffset: number;
    readonly to: GPUBuffer;
    readonly toOffset: number;
    readonly size: number;
  }
  | { readonly kind: "clear"; readonly buffer: GPUBuffer }
  | {
    readonly kind: "texture";
    readonly from: GPUTexelCopyBufferInfo;
    readonly to: GPUTexelCopyTextureInfo;
    readonly size: GPUExtent3D;
  };

/** What a recording consists of. */
export interface RecordedStep {
  /** In their order. */
  readonly commands: readonly Command[];
  /** Says which commands these are: two recordings of the same have the same. */
  readonly signature: string;
  /** Buffers that the commands use, all of them the pool's. */
  readonly used: ReadonlySet<GPUBuffer>;
  /** Buffers of values that never change, made for the recording. */
  readonly constants: readonly GPUBuffer[];
  /** Uniform values of tfjs's kernels, from its pool. */
  readonly uniforms: readonly GPUBuffer[];
  /** Owners of values that the commands change. */
  readonly changed: ReadonlySet<object>;
  /** Copies of buffers that the commands make and read. */
  readonly copies: TextureCopies | undefined;
}

/** Commands that the queue is given at once: the first few soon, so that the device is not idle while the others are encoded. */
const FIRST_SUBMIT = 48, SUBMIT = 256;

/** Commands of a step that can be given to the device again and again; see {@linkcode KernelRunner.record}. */
export class Recording {
  /** Says which commands these are: two recordings of the same have the same. */
  readonly signature: string;
  /** Owners of values that the commands change. */
  readonly changed: ReadonlySet<object>;
  readonly #step: RecordedStep;
  readonly #backend: BackendInternals;
  /** Buffers taken out of the pool: the commands use them, and nobody owns them. */
  #reserved: GPUBuffer[] = [];
  #isKept = false;

  /** Of what was recorded just now. */
  constructor(step: RecordedStep, backend: BackendInternals) {
    this.signature = step.signature;
    this.changed = step.changed;
    this.#step = step;
    this.#backend = backend;
  }

  /** Number of commands. */
  get length(): number {
    return this.#step.commands.length;
  }

  /** Whether it can be done again: not if its copies were more than are kept at once. */
  get canReplay(): boolean {
    return !this.#step.copies?.haveLeft;
  }

  /** Keeps what the commands use from everyone else, until {@linkcode Recording.dispose}. */
  keep(): void {
    if (this.#isKept) return;
    this.#isKept = true;
    const { bufferManager } = this.#backend;
    for (const [key, free] of bufferManager.freeBuffers) {
      const ours = free.filter((buffer) => this.#step.used.has(buffer));
      if (ours.length === 0) continue;
      bufferManager.freeBuffers.set(key, free.filter((buffer) => !this.#step.used.has(buffer)));
      const used = bufferManager.usedBuffers.get(key) ?? [];
      used.push(...ours);
      bufferManager.usedBuffers.set(key, used);
      bufferManager.numFreeBuffers -= ours.length;
      bufferManager.numUsedBuffers += ours.length;
      bufferManager.numBytesUsed += ours.reduce((sum, { size }) => sum + size, 0);
      this.#reserved.push(...ours);
    }
  }

  /** Gives all commands to the queue. Only after {@linkcode Recording.keep}. */
  replay(device: GPUDevice): void {
    if (!this.#isKept) throw new Error("replay: the recording is not kept");
    let encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let pipeline: GPUComputePipeline | undefined;
    let left = FIRST_SUBMIT;
    const endPass = () => {
      pass?.end();
      pass = undefined;
      pipeline = undefined;
    };
    for (const command of this.#step.commands) {
      if (left-- === 0) {
        endPass();
        device.queue.submit([encoder.finish()]);
        encoder = device.createCommandEncoder();
        left = SUBMIT;
      }
      if (command.kind === "dispatch") {
        pass ??= encoder.beginComputePass();
        if (command.pipeline !== pipeline) pass.setPipeline(pipeline = command.pipeline);
        pass.setBindGroup(0, command.group);
        pass.dispatchWorkgroups(...command.workgroups);
        continue;
      }
      endPass();
      if (command.kind === "clear") encoder.clearBuffer(command.buffer);
      else if (command.kind === "texture") encoder.copyBufferToTexture(command.from, command.to, command.size);
      else {
        const { from, fromOffset, to, toOffset, size } = command;
        encoder.copyBufferToBuffer(from, fromOffset, to, toOffset, size);
      }
    }
    endPass();
    device.queue.submit([encoder.finish()]);
  }

  /** Gives the buffers back. */
  dispose(): void {
    const { bufferManager } = this.#backend;
    for (const buffer of [...this.#reserved, ...this.#step.uniforms]) bufferManager.releaseBuffer(buffer);
    for (const buffer of this.#step.constants) buffer.destroy();
    this.#step.copies?.dispose();
    this.#reserved = [];
    this.#isKept = false;
  }
}
