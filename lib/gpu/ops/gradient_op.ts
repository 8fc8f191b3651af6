import * as tf from "../../deps/tfjs.ts";

/** tfjs's own way to put a computation on the tape, which its types keep private. */
interface TapeEngine {
  runKernelFunc(call: {
    forwardFunc: (backend: unknown, save: ((tensors: tf.Tensor[]) => void) | undefined) => tf.Tensor;
    backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
    inputs: Readonly<Record<string, tf.Tensor>>;
  }): tf.Tensor;
}

/**
 * Puts an operation of ours on tfjs's tape.
 *
 * `forward` computes the value and names the tensors the backward pass needs; `backward` gets the value's gradient and those
 * tensors, and gives for each input a function that computes its gradient. Only the functions of inputs that lead to a
 * trained variable are called: an image costs no gradient. What several of them share is computed before they are returned.
 */
export function gradientOp(
  inputs: Readonly<Record<string, tf.Tensor>>,
  forward: (save: (tensors: tf.Tensor[]) => void) => tf.Tensor,
  backward: (dy: tf.Tensor, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>,
): tf.Tensor {
  return (tf.engine() as unknown as TapeEngine).runKernelFunc({
    forwardFunc: (_backend, save) => forward((tensors) => save?.(tensors)),
    backwardsFunc: backward,
    inputs,
  });
}
