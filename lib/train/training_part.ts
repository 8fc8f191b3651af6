import * as tf from "../deps/tfjs.ts";

/** Some images of a step, all that are computed at once. */
export interface TrainingPart {
  /** Number of images; where ranks take a step together it may be 0: one is computed then, and counts for nothing. */
  readonly size: number;
  /** Number of images of each rank. @default this one's alone */
  readonly shares?: readonly number[];
  /** What there is to bring to the device; of the same lengths and types for every part of this size. */
  readonly inputs: readonly (Int32Array | Float32Array)[];
  /** Makes of those tensors, on the device, images [size, S, S, 4] and labels [size] int32; the caller disposes of them. */
  unpack(tensors: readonly tf.Tensor1D[]): { images: tf.Tensor4D; labels: tf.Tensor1D };
}

/** Tensors of a part's inputs. */
export function inputTensors({ inputs }: TrainingPart): tf.Tensor1D[] {
  return inputs.map((values) => tf.tensor1d(values, values instanceof Int32Array ? "int32" : "float32"));
}

/** Images and labels of a part, brought to the device. */
export function uploadPart(part: TrainingPart): { images: tf.Tensor4D; labels: tf.Tensor1D } {
  return tf.tidy(() => part.unpack(inputTensors(part)));
}
