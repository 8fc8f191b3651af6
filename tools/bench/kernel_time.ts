import * as tf from "../../lib/deps/tfjs.ts";
import { KernelProfiler } from "../../lib/gpu/kernel_profiler.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";

/** Shortest time that a clock around a wait for the GPU can tell, in milliseconds: the wait itself takes ten. */
const WALL_LEAST = 100;

/** Most runs between two waits. */
const MOST_RUNS = 1024;

/** Whether an adapter can time kernels by its own clock. */
export function hasDeviceClock({ device }: Gpu): boolean {
  return device.features.has("timestamp-query");
}

/** Milliseconds of our kernels in a run: by the device's clock where it has one, else of enough runs by ours. */
export async function kernelMilliseconds(gpu: Gpu, run: () => Tensor[]): Promise<number> {
  if (!hasDeviceClock(gpu)) return await repeatedRun(gpu, run)();
  // What came before is not to be in it.
  gpu.kernels.flush();
  const profiler = new KernelProfiler(gpu.device);
  gpu.kernels.profiler = profiler;
  try {
    tf.dispose(run());
    gpu.kernels.flush();
    return (await profiler.read()).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  } finally {
    gpu.kernels.profiler = undefined;
    profiler.dispose();
  }
}

/** Gives a function that runs something as often as the clock needs, and says how long one run takes: for ours and stock tfjs alike. */
export function repeatedRun(gpu: Gpu, run: () => Tensor[]): () => Promise<number> {
  let count = 1;
  return async () => {
    for (;; count *= 4) {
      gpu.kernels.flush();
      await gpu.device.queue.onSubmittedWorkDone();
      const began = performance.now();
      for (let i = 0; i < count; i++) tf.dispose(run());
      gpu.kernels.flush();
      await gpu.device.queue.onSubmittedWorkDone();
      const milliseconds = performance.now() - began;
      if (milliseconds >= WALL_LEAST || count >= MOST_RUNS) return milliseconds / count;
    }
  };
}
