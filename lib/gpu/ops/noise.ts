import { noiseKernel } from "../kernels/noise.ts";
import type { Gpu } from "../start_webgpu.ts";
import type { Tensor } from "../tensor.ts";

/** A float32 tensor of evenly spread values with this standard deviation about 0, made on the GPU; the same for the same seed. */
export function noise(gpu: Gpu, shape: readonly number[], deviation: number, seed: number): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return gpu.kernels.run(noiseKernel(size, deviation * Math.sqrt(3), seed), [], [{ shape }])[0];
}
