import * as tf from "../../deps/tfjs.ts";
import { unpackImagesKernel } from "../kernels/unpack_images.ts";
import type { Gpu } from "../start_webgpu.ts";

/**
 * Brings RGB bytes [batch, S, S, 3] to the GPU as they are and makes of them the network's input there: float32
 * [batch, S, S, 4] in [-1, 1] with a fourth channel of zeros, mirrored where `flips` is not 0.
 */
export function unpackImages(gpu: Gpu, bytes: Uint8Array, imageSize: number, flips: ArrayLike<number>): tf.Tensor4D {
  const batch = flips.length;
  const length = batch * imageSize * imageSize * 3;
  if (bytes.length !== length) throw new Error(`unpackImages: expected ${length} bytes, got ${bytes.length}`);
  // tfjs copies values one by one into an Int32Array: hand it words, not bytes.
  const whole = bytes.byteOffset % 4 === 0 && length % 4 === 0 ? bytes : padded(bytes);
  const words = new Int32Array(whole.buffer, whole.byteOffset, whole.length / 4);
  return tf.tidy(() =>
    gpu.kernels.run(
      unpackImagesKernel(batch, imageSize),
      [tf.tensor1d(words, "int32"), tf.tensor1d(Int32Array.from(flips), "int32")],
      [{ shape: [batch, imageSize, imageSize, 4] }],
    )[0]
  ) as tf.Tensor4D;
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  whole.set(bytes);
  return whole;
}
