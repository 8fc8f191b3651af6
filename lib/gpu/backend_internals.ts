import type * as tf from "../deps/tfjs.ts";
import type { WebGPUBackend } from "../deps/tfjs_webgpu.ts";

/** The parts of tfjs's WebGPU backend that our kernels share with its own, and its types keep private. */
export interface BackendInternals {
  tensorMap: {
    has(id: object): boolean;
    get(id: object): { resource: GPUBuffer | null; values: ArrayLike<number> | null; dtype: string };
  };
  commandQueueOwnedIds: WeakSet<object>;
  computePassEncoder: GPUComputePassEncoder | null;
  commandEncoder: GPUCommandEncoder | null;
  dispatchCountInPass: number;
  /** Uniform buffers that the next submit gives back. */
  uniformPendingDisposal: GPUBuffer[];
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  uploadToGPU(id: object): void;
  makeUniforms(values: unknown): { buffer: GPUBuffer };
  makeTensorInfo(shape: number[], dtype: string): tf.TensorInfo;
  bufferManager: {
    /** By `size_usage`. */
    freeBuffers: Map<string, GPUBuffer[]>;
    usedBuffers: Map<string, GPUBuffer[]>;
    numFreeBuffers: number;
    numUsedBuffers: number;
    numBytesUsed: number;
    acquireBuffer(size: number, usage: number, mapped?: boolean, reuse?: boolean): GPUBuffer;
    releaseBuffer(buffer: GPUBuffer, reuse?: boolean): void;
  };
}

/** The same object, seen through to its private parts. */
export function internalsOf(backend: WebGPUBackend): BackendInternals {
  return backend as unknown as BackendInternals;
}
