import * as tf from "../deps/tfjs.ts";
import { WebGPUBackend } from "../deps/tfjs_webgpu.ts";
import { type AdapterFacts, readsThroughTextures } from "./adapter.ts";
import type { ConvChoices } from "./conv_choices.ts";
import { KernelRunner } from "./kernel_runner.ts";
import { TEXEL_BYTES } from "./kernels/texture_reads.ts";
import type { Gpu } from "./start_webgpu.ts";

/** The bytes a paper device was asked for. */
export interface PaperMemory {
  /** Buffers and textures that are there now. */
  readonly bytes: number;
  /** The most there were at once. */
  readonly peak: number;
  /** The most textures there were at once: copies of buffers, for adapters whose kernels read those. */
  readonly texturePeak: number;
}

const BACKEND = "webgpu on paper";

/**
 * Does some work on a device that computes nothing and takes no memory, but counts what it is asked for: how much a run will need, and
 * which kernels. Everything else is what it is on the device itself: the kernels' texts, the order of commands, buffers that serve again. Tensors
 * have no values and must not be read. `work` is not asynchronous, and disposes of what it makes.
 */
export function onPaper<T>(
  { adapter, choices }: { readonly adapter: AdapterFacts; readonly choices: ConvChoices },
  work: (gpu: Gpu, memory: PaperMemory) => T,
): T {
  const memory = { bytes: 0, peak: 0, texturePeak: 0 };
  const device = paperDevice(adapter, memory);
  const info = { vendor: adapter.vendor, architecture: "" } as ConstructorParameters<typeof WebGPUBackend>[1];
  const backend = new WebGPUBackend(device, info);
  const before = tf.getBackend();
  tf.registerBackend(BACKEND, () => backend);
  if (tf.getKernelsForBackend(BACKEND).length === 0) tf.copyRegisteredKernels("webgpu", BACKEND);
  // A backend that is made without waiting is set without waiting.
  void tf.setBackend(BACKEND);
  try {
    const kernels = new KernelRunner(device, backend, readsThroughTextures(adapter));
    return work({ adapter, device, kernels, choices, onPaper: true, lost: new Promise(() => {}) }, memory);
  } finally {
    if (before) void tf.setBackend(before);
    tf.removeBackend(BACKEND);
  }
}

function paperDevice({ limits, features }: AdapterFacts, memory: { -readonly [K in keyof PaperMemory]: number }) {
  const take = (bytes: number) => {
    memory.bytes += bytes;
    memory.peak = Math.max(memory.peak, memory.bytes);
  };
  let textureBytes = 0;
  const takeTexture = (bytes: number) => {
    take(bytes);
    textureBytes += bytes;
    memory.texturePeak = Math.max(memory.texturePeak, textureBytes);
  };
  // What is uploaded is written here, whatever it is.
  let scratch = new ArrayBuffer(0);
  const mapped = (size: number) => {
    if (scratch.byteLength < size) scratch = new ArrayBuffer(size);
    return scratch;
  };
  const nothing = () => {};
  const pass = { setPipeline: nothing, setBindGroup: nothing, dispatchWorkgroups: nothing, end: nothing };
  const encoder = {
    beginComputePass: () => pass,
    copyBufferToBuffer: nothing,
    copyBufferToTexture: nothing,
    clearBuffer: nothing,
    finish: () => ({}),
  };
  const pipeline = { getBindGroupLayout: () => ({}) };
  return {
    limits,
    features: new Set(features),
    addEventListener: nothing,
    queue: { submit: nothing, writeBuffer: nothing },
    createBuffer({ size, usage, mappedAtCreation }: GPUBufferDescriptor) {
      take(size);
      // tfjs gives back what is a GPUBuffer.
      return Object.create(GPUBuffer.prototype, {
        size: { value: size },
        usage: { value: usage },
        mapState: { value: mappedAtCreation ? "mapped" : "unmapped" },
        getMappedRange: { value: () => mapped(size) },
        unmap: { value: nothing },
        destroy: { value: () => take(-size) },
      });
    },
    createTexture({ size, format }: GPUTextureDescriptor) {
      const [width, height] = size as number[];
      const bytes = width * height * TEXEL_BYTES[format];
      takeTexture(bytes);
      const destroy = () => takeTexture(-bytes);
      return { createView: () => ({}), destroy };
    },
    createShaderModule: () => ({}),
    createComputePipeline: () => pipeline,
    createBindGroup: () => ({}),
    createCommandEncoder: () => encoder,
  } as unknown as GPUDevice;
}
