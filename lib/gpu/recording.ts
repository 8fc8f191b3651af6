import type { BackendInternals } from "./backend_internals.ts";

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
  }
  | {
    readonly kind: "exchange";
    readonly from: GPUBuffer;
    readonly to: GPUBuffer;
    /** Bytes of each. */
    readonly sizes: readonly [number, number];
    readonly exchange: Exchange;
  };

/** Takes values off the device, in the middle of a step, and gives those that come in their place: see {@linkcode KernelRunner.exchange}. */
export type Exchange = (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

/** Copies of buffers, which live as long as the recording. */
export interface RecordedCopies {
  /** Whether one had to go while the work was recorded. */
  readonly haveLeft: boolean;
  /** Frees them. */
  dispose(): void;
}

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
  readonly copies: RecordedCopies | undefined;
}

/** Commands that the queue is given at once: the first few soon, so that the device is not idle while the others are encoded. */
const FIRST_SUBMIT = 48, SUBMIT = 256;

/** Commands of a step that can be given to the device again and again; see {@linkcode KernelRunner.record}. */
export class Recording {
  /** Says which commands these are: two recordings of the same have the same. */
  readonly signature: string;
  /** Owners of values that the commands change. */
  readonly changed: ReadonlySet<object>;
  /** Whether it waits for values in the middle. */
  readonly exchanges: boolean;
  readonly #step: RecordedStep;
  readonly #backend: BackendInternals;
  /** Buffers taken out of the pool: the commands use them, and nobody owns them. */
  #reserved: GPUBuffer[] = [];
  /** Where the values of each exchange are read. */
  readonly #staging = new Map<Command, GPUBuffer>();
  #isKept = false;

  /** Of what was recorded just now. */
  constructor(step: RecordedStep, backend: BackendInternals) {
    this.signature = step.signature;
    this.changed = step.changed;
    this.exchanges = step.commands.some(({ kind }) => kind === "exchange");
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

  /** Gives all commands to the queue. Only after {@linkcode Recording.keep}, and of a recording without exchanges. */
  replay(device: GPUDevice): void {
    if (this.exchanges) throw new Error("replay: the recording waits for values");
    this.#submit(device, this.#step.commands);
  }

  /** Gives all commands to the queue, and waits for what is exchanged on the way. Only after {@linkcode Recording.keep}. */
  async replayExchanging(device: GPUDevice): Promise<void> {
    const { commands } = this.#step;
    let from = 0;
    for (const [at, command] of commands.entries()) {
      if (command.kind !== "exchange") continue;
      this.#submit(device, commands.slice(from, at));
      await this.#exchange(device, command);
      from = at + 1;
    }
    this.#submit(device, commands.slice(from));
  }

  async #exchange(device: GPUDevice, command: Command & { kind: "exchange" }): Promise<void> {
    const { from, to, sizes, exchange } = command;
    let staging = this.#staging.get(command);
    if (!staging) {
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      staging = device.createBuffer({ label: "exchange", size: sizes[0], usage });
      this.#staging.set(command, staging);
    }
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(from, 0, staging, 0, sizes[0]);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const bytes = new Uint8Array(staging.getMappedRange()).slice();
    staging.unmap();
    const found = await exchange(bytes);
    if (found.length !== sizes[1]) throw new Error(`exchange: expected ${sizes[1]} bytes, got ${found.length}`);
    device.queue.writeBuffer(to, 0, found as Uint8Array<ArrayBuffer>);
  }

  #submit(device: GPUDevice, commands: readonly Command[]): void {
    if (!this.#isKept) throw new Error("replay: the recording is not kept");
    if (commands.length === 0) return;
    let encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let pipeline: GPUComputePipeline | undefined;
    let left = FIRST_SUBMIT;
    const endPass = () => {
      pass?.end();
      pass = undefined;
      pipeline = undefined;
    };
    for (const command of commands) {
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
      else if (command.kind === "copy") {
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
    for (const buffer of [...this.#step.constants, ...this.#staging.values()]) buffer.destroy();
    this.#staging.clear();
    this.#step.copies?.dispose();
    this.#reserved = [];
    this.#isKept = false;
  }
}
