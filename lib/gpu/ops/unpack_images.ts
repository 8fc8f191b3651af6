import type * as tf from "../../deps/tfjs.ts";
import { unpackImagesKernel } from "../kernels/unpack_images.ts";
import type { Gpu } from "../start_webgpu.ts";

/**
 * RGB bytes as little-endian words of four, the last one filled up with zeros: the same memory where it is aligned. tfjs copies values one
 * by one, and words are fewer.
 */
export function imageWords(bytes: Uint8Array): Int32Array {
  const whole = bytes.byteOffset % 4 === 0 && bytes.length % 4 === 0 ? bytes : padded(bytes);
  return new Int32Array(whole.buffer, whole.byteOffset, whole.length / 4);
}

/**
 * Makes the network's input of the {@linkcode imageWords} of RGB bytes [batch, S, S, 3], int32 on the device: float32 [batch, S, S, 4] in [-1, 1] with a
 * fourth channel of zeros, mirrored where `flips` [batch] int32 is not 0.
 */
export function unpackImages(gpu: Gpu, words: tf.Tensor1D, imageSize: number, flips: tf.Tensor1D): tf.Tensor4D {
  const batch = flips.size;
  const length = Math.ceil(batch * imageSize * imageSize * 3 / 4);
  if (words.size !== length) throw new Error(`unpackImages: expected ${length} words, got ${words.size}`);
  const made = { shape: [batch, imageSize, imageSize, 4] };
  return gpu.kernels.run(unpackImagesKernel(batch, imageSize), [words, flips], [made])[0] as tf.Tensor4D;
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  whole.set(bytes);
  return whole;
}
