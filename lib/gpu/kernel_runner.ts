import * as tf from "../deps/tfjs.ts";
import type { WebGPUBackend } from "../deps/tfjs_webgpu.ts";
import { type BackendInternals, internalsOf } from "./backend_internals.ts";
import type { KernelProfiler } from "./kernel_profiler.ts";
import type { HostCopy } from "./host_copy.ts";
import type { Tensor } from "./tensor.ts";
import type { KernelSpec } from "./kernel_spec.ts";
import { Recorder } from "./recorder.ts";
import type { Exchange, Recording } from "./recording.ts";
import { halfStorage } from "./kernels/half_storage.ts";
import { readBack } from "./read_back.ts";
import { type TextureRead, textureReads } from "./kernels/texture_reads.ts";
import { TextureCopies } from "./texture_copies.ts";

/** A tensor to be made. */
export interface NewTensor {
  /** Its dimensions. */
  readonly shape: readonly number[];
  /** Type of its values. @default "float32" */
  readonly dtype?: "float32" | "int32";
  /** Kept in half precision: kernels of ours convert what they read and write of it, and nothing else may touch it. @default false */
  readonly half?: boolean;
}

/** What a kernel writes: a tensor to be made, or one that is changed in place. */
export type KernelOutput =
  | NewTensor
  | Tensor
  | TensorRange;

/** A part of a tensor's values, for tables larger than one binding; starts at a multiple of 64 values. */
export interface TensorRange {
  /** The whole. */
  readonly tensor: Tensor;
  /** First value. */
  readonly first: number;
  /** Number of values. */
  readonly size: number;
}

/**
 * tfjs keeps the buffers of disposed tensors back until the commands that use them are submitted. Commands run in their order, and what is
 * written past them is not written to such buffers: they can serve the next command already, which halves the memory of a step.
 */
function giveBackAtOnce(backend: BackendInternals): void {
  const none = { add: () => none, has: () => false, delete: () => false } as unknown as WeakSet<object>;
  Object.defineProperty(backend, "commandQueueOwnedIds", { get: () => none, set: () => {}, configurable: true });
}

const ownerOf = (one: Tensor | TensorRange): object => "tensor" in one ? one.tensor.dataId : one.dataId;

/** A kernel made ready for the device. */
interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Bindings that are textures. */
  readonly textures: ReadonlyMap<number, TextureRead>;
}

/** Most bytes of the copies that a recording keeps: it is made to be replayed. */
const RECORDED_COPIES = 2 ** 32;

/** Dispatches recorded before they are given to the queue: fewer submits, yet buffers are freed soon. */
const DISPATCHES_PER_SUBMIT = 32;

/**
 * The one bridge between our kernels and tfjs: records a {@linkcode KernelSpec} into the same command encoder that tfjs
 * records its own kernels into, so that their order is kept, and makes tensors of the outputs.
 */
export class KernelRunner {
  readonly #device: GPUDevice;
  readonly #backend: BackendInternals;
  readonly #pipelines = new Map<string, Compiled>();
  /** The same by the kernel itself: its text is long, and kernels are mostly made once. */
  readonly #ready = new WeakMap<KernelSpec, Compiled>();
  #copies: TextureCopies | undefined;
  #recorder: Recorder | undefined;
  /** Owners of values that are kept in half precision. */
  readonly #halves = new WeakSet<object>();
  /** Kernels for those, by the kernel they were made from and the bindings. */
  readonly #halfSpecs = new WeakMap<KernelSpec, Map<string, KernelSpec>>();
  #failure: string | undefined;
  /** Times every kernel that is run while it is set, each in a pass of its own. */
  profiler: KernelProfiler | undefined;

  /** `backend` must be the one tfjs uses, on the same device. With `textures`, kernels read through textures: see {@linkcode textureReads}. */
  constructor(device: GPUDevice, backend: WebGPUBackend, textures = false) {
    this.#device = device;
    this.#backend = internalsOf(backend);
    giveBackAtOnce(this.#backend);
    if (textures) this.#copies = this.#newCopies();
    device.addEventListener("uncapturederror", (event) => {
      this.#failure ??= (event as GPUUncapturedErrorEvent).error.message;
    });
  }

  /** Whether kernels read copies of their inputs, which take memory besides them. */
  get readsCopies(): boolean {
    return this.#copies !== undefined;
  }

  /** Number of different pipelines compiled so far. */
  get pipelines(): number {
    return this.#pipelines.size;
  }

  /**
   * Runs a kernel: `inputs` then `outputs` are its bindings in order. Returns the outputs as tensors: those made new
   * belong to the caller (or to the tidy around it), those given are returned as they are.
   */
  run(spec: KernelSpec, inputs: readonly (Tensor | TensorRange)[], outputs: readonly KernelOutput[]): Tensor[] {
    if (inputs.length + outputs.length !== spec.bindings.length) {
      throw new Error(`${spec.name}: expected ${spec.bindings.length} buffers, got ${inputs.length + outputs.length}`);
    }
    const bound: (Tensor | TensorRange)[] = [...inputs];
    const made = outputs.map((output) => {
      if ("tensor" in output || output instanceof tf.Tensor) {
        bound.push(output);
        return "tensor" in output ? output.tensor : output;
      }
      const tensor = this.#make(output);
      bound.push(tensor);
      return tensor;
    });
    const backend = this.#backend;
    const halves = [...bound.keys()].filter((i) => this.#halves.has(ownerOf(bound[i])));
    const { pipeline, layout, textures } = this.#compiled(halves.length === 0 ? spec : this.#withHalves(spec, halves));
    if (this.#copies?.leaves) this.flush();
    backend.ensureCommandEncoderReady();
    this.#copies?.nextKernel();
    const entries = bound.map((one, binding) => {
      const texture = textures.get(binding);
      return { binding, resource: texture ? this.#texture(one, texture) : this.#resource(one) };
    });
    const ids = bound.map(ownerOf);
    const group = this.#device.createBindGroup({ layout, entries });
    if (this.profiler) backend.endComputePassEncoder();
    backend.computePassEncoder ??= backend.commandEncoder!.beginComputePass(this.profiler?.pass(spec.name));
    backend.computePassEncoder.setPipeline(pipeline);
    backend.computePassEncoder.setBindGroup(0, group);
    backend.computePassEncoder.dispatchWorkgroups(...spec.workgroups);
    for (const id of ids.slice(inputs.length)) this.#changed(id);
    if (this.profiler) backend.endComputePassEncoder();
    if (++backend.dispatchCountInPass >= DISPATCHES_PER_SUBMIT) this.flush();
    return made;
  }

  /** A float32 tensor on the GPU whose values are whatever was there: for kernels that write every one. */
  empty(shape: readonly number[], half = false): Tensor {
    const tensor = this.#make({ shape, half });
    this.buffer(tensor);
    return tensor;
  }

  #make({ shape, dtype = "float32", half }: NewTensor): Tensor {
    const backend = this.#backend;
    const tensor = tf.engine().makeTensorFromTensorInfo(backend.makeTensorInfo([...shape], dtype));
    if (half) {
      // As tfjs's own, so that each can be given again in the place of the other.
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      backend.tensorMap.get(tensor.dataId).resource = backend.bufferManager.acquireBuffer(2 * tensor.size, usage);
      this.#halves.add(tensor.dataId);
    }
    return tensor;
  }

  #withHalves(spec: KernelSpec, bindings: readonly number[]): KernelSpec {
    let all = this.#halfSpecs.get(spec);
    if (!all) this.#halfSpecs.set(spec, all = new Map());
    const key = bindings.join();
    let changed = all.get(key);
    if (!changed) all.set(key, changed = halfStorage(spec, bindings));
    return changed;
  }

  #bytes(one: Tensor | TensorRange): number {
    return this.#halves.has(ownerOf(one)) ? 2 : 4;
  }

  /** A float32 tensor of zeros on the GPU, to be written in part. */
  zeros(shape: readonly number[]): Tensor {
    const tensor = this.empty(shape);
    const backend = this.#backend;
    // Cleared where it is: tfjs would bring zeros from the processor.
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.commandEncoder!.clearBuffer(this.buffer(tensor));
    return tensor;
  }

  #resource(one: Tensor | TensorRange): GPUBufferBinding {
    const bytes = this.#bytes(one);
    if (!("tensor" in one)) return { buffer: this.buffer(one), size: one.size * bytes };
    return { buffer: this.buffer(one.tensor), offset: one.first * bytes, size: one.size * bytes };
  }

  #texture(one: Tensor | TensorRange, texture: TextureRead): GPUTextureView {
    const { buffer, offset = 0, size } = this.#resource(one);
    const part = "tensor" in one;
    const owner = ownerOf(one);
    const backend = this.#backend;
    return this.#copies!.of({ buffer, offset, size: size!, owner, part }, texture, () => {
      // Copies have no place in a compute pass.
      backend.endComputePassEncoder();
      return backend.commandEncoder!;
    });
  }

  /** The buffer behind a tensor, uploaded if need be. */
  buffer(tensor: Tensor): GPUBuffer {
    this.#backend.uploadToGPU(tensor.dataId);
    return this.#backend.tensorMap.get(tensor.dataId).resource!;
  }

  /**
   * The values of a float32 tensor as they are on the GPU now. tfjs's own `data()` keeps what it has read and would not see a change
   * in place.
   */
  async read(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    return (await this.readAll([tensor]))[0];
  }

  /**
   * The values of many float32 tensors. Waiting for the GPU takes at least ten milliseconds each time: they are
   * copied into few buffers that are waited for once each.
   */
  async readAll(tensors: readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    const values: Float32Array<ArrayBuffer>[] = [];
    await this.#read(tensors, (one) => values.push(one.slice()));
    return values;
  }

  /** Lets `change` work on the values of float32 tensors on the processor, stretch after stretch of `values`, and brings them back. */
  async exchangeAll(
    tensors: readonly Tensor[],
    copy: HostCopy,
    values: Float32Array,
    change: (stretch: Float32Array) => Promise<void>,
  ): Promise<void> {
    const buffers = tensors.map((tensor) => this.buffer(tensor));
    this.flush();
    for (const { dataId } of tensors) this.#changed(dataId);
    await copy.exchange(buffers, values, change);
    this.check();
  }

  async #read(tensors: readonly Tensor[], take: (values: Float32Array<ArrayBuffer>) => void): Promise<void> {
    if (tensors.some(({ dataId }) => this.#halves.has(dataId))) throw new Error("read: a tensor is in half precision");
    const sources = tensors.map((tensor) => ({ buffer: this.buffer(tensor), bytes: 4 * tensor.size }));
    this.flush();
    await readBack(
      this.#device,
      sources,
      ({ buffer, byteOffset, byteLength }) => take(new Float32Array(buffer, byteOffset, byteLength / 4)),
    );
    this.check();
  }

  /** A new tensor of the same values. */
  copy(tensor: Tensor): Tensor {
    const copy = this.#make({ shape: tensor.shape, dtype: tensor.dtype as NewTensor["dtype"] });
    this.assign(copy, tensor);
    return copy;
  }

  /** Puts the values of `from` into `to`, where they are: its buffer stays the same one. Both float32 or both int32, and of one size. */
  assign(to: Tensor, from: Tensor): void {
    if (to.size !== from.size) throw new Error(`assign: expected ${to.size} values, got ${from.size}`);
    const backend = this.#backend;
    const [source, target] = [this.buffer(from), this.buffer(to)];
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.commandEncoder!.copyBufferToBuffer(source, 0, target, 0, 4 * to.size);
    this.#changed(to.dataId);
  }

  /**
   * Does `work`, and notes down the commands that it gives to the device: dispatches, copies, values brought from the processor. If the
   * same work gives the same commands every time, which two recordings show by their signatures, {@linkcode KernelRunner.replay} does it
   * again without tfjs, its tape, or a new binding. Work must read and change only tensors that stay, must not call
   * {@linkcode KernelRunner.write}, and whatever changes from one time to the next must be in tensors written before it.
   *
   * With `dry` the commands are noted and not carried out: what the work makes has no values yet, and what it changes stays as it was.
   */
  record(work: () => void, { dry = false } = {}): Recording {
    if (this.#recorder) throw new Error("record: a recording is going on");
    this.flush();
    const copies = this.#copies;
    // A recording makes every copy that it reads.
    copies?.dispose();
    if (copies) this.#copies = this.#newCopies(RECORDED_COPIES);
    const recorder = this.#recorder = new Recorder(this.#device, this.#backend, this.#copies, dry);
    try {
      work();
      this.flush();
    } finally {
      this.#recorder = undefined;
      this.#copies = copies;
      recorder.stop();
    }
    for (const id of recorder.changed) copies?.changed(id);
    return recorder.recording;
  }

  /** Does the recorded work again. */
  replay(recording: Recording): void {
    this.flush();
    recording.replay(this.#device);
    for (const id of recording.changed) this.#copies?.changed(id);
  }

  /** Does recorded work that exchanges values again; meanwhile nothing else may be run. */
  async replayExchanging(recording: Recording): Promise<void> {
    this.flush();
    await recording.replayExchanging(this.#device);
    for (const id of recording.changed) this.#copies?.changed(id);
  }

  /**
   * Notes, in a dry recording, that a replay is to wait here: the bytes of `input` go through `exchange`, and what comes back is the
   * result, a tensor of this shape and the input's type. `name` tells exchanges apart that differ in what they do.
   */
  exchange(name: string, input: Tensor, shape: readonly number[], exchange: Exchange): Tensor {
    const result = this.#make({ shape, dtype: input.dtype as NewTensor["dtype"] });
    const [from, to] = [this.buffer(input), this.buffer(result)];
    this.#backend.endComputePassEncoder();
    // On paper nothing is noted, and nothing computed.
    this.#recorder?.exchange(name, from, to, [4 * input.size, 4 * result.size], exchange);
    return result;
  }

  #newCopies(ceiling?: number): TextureCopies {
    return new TextureCopies(this.#device, (id) => this.#backend.tensorMap.has(id), { ceiling });
  }

  #changed(id: object): void {
    this.#copies?.changed(id);
    if (this.#copies) this.#recorder?.changed.add(id);
  }

  /** Replaces the values of a float32 or int32 tensor in place. */
  write(tensor: Tensor, values: Float32Array | Int32Array): void {
    if (this.#recorder) throw new Error("write: not while commands are recorded");
    if (values.length !== tensor.size) throw new Error(`write: expected ${tensor.size} values, got ${values.length}`);
    const buffer = this.buffer(tensor);
    // What is recorded but not yet submitted must not see the new values.
    this.flush();
    this.#changed(tensor.dataId);
    this.#device.queue.writeBuffer(buffer, 0, values as Float32Array<ArrayBuffer>);
  }

  /** Gives everything recorded so far to the queue. */
  flush(): void {
    if (this.#backend.commandEncoder) {
      this.#backend.endComputePassEncoder();
      this.#backend.submitQueue();
    }
    this.#copies?.submitted();
  }

  /** Throws what the device reported since the start, such as a kernel that did not compile or memory that ran out. */
  check(): void {
    if (this.#failure !== undefined) throw new Error(`The GPU reported an error: ${this.#failure}`);
  }

  #compiled(spec: KernelSpec): Compiled {
    let compiled = this.#ready.get(spec);
    if (compiled) return compiled;
    compiled = this.#pipelines.get(spec.wgsl);
    if (!compiled) {
      const most = this.#copies ? this.#device.limits.maxStorageTexturesPerShaderStage : 0;
      const { wgsl, textures } = textureReads(spec.wgsl, most);
      const module = this.#device.createShaderModule({ label: spec.name, code: wgsl });
      const compute = { module, entryPoint: "main" };
      const pipeline = this.#device.createComputePipeline({ label: spec.name, layout: "auto", compute });
      compiled = { pipeline, layout: pipeline.getBindGroupLayout(0), textures };
      this.#pipelines.set(spec.wgsl, compiled);
    }
    this.#ready.set(spec, compiled);
    return compiled;
  }
}
