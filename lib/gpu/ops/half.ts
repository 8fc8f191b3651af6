import type * as tf from "../../deps/tfjs.ts";
import { copyKernel } from "../kernels/copy.ts";
import type { Gpu } from "../start_webgpu.ts";

/** A copy in half precision, without gradient; a multiple of four values. Only kernels of ours can read it. */
export function toHalf<T extends tf.Tensor>(gpu: Gpu, x: T): T {
  return gpu.kernels.run(copyKernel(x.size), [x], [{ shape: x.shape, half: true }])[0] as T;
}

/** A float32 copy, without gradient, of a tensor in any precision; a multiple of four values. */
export function toFloat<T extends tf.Tensor>(gpu: Gpu, x: T): T {
  return gpu.kernels.run(copyKernel(x.size), [x], [{ shape: x.shape }])[0] as T;
}
