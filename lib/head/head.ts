import type { Scalar, Tensor1D, Tensor2D } from "../gpu/tensor.ts";
import type { Parameters } from "../nn/parameters.ts";

/** What one training step of a head gives. */
export interface HeadStep {
  /** Mean cross-entropy over the batch, on the tape. */
  readonly loss: Scalar;
  /** [t, margin mean, margin max, margin min, number of right answers], not on the tape; the caller disposes of it. */
  readonly metrics: Tensor1D;
}

/** A margin-softmax classifier over embeddings, with its class weights and buffers. */
export interface Head {
  /** Its name, such as `center_bias`. */
  readonly name: string;
  /** Number of classes. */
  readonly classes: number;
  /** `weight` [classes, dim], and whatever else the head keeps. */
  readonly parameters: Parameters;
  /** Loss of embeddings [batch, dim] with labels [batch] (int32); moves the head's buffers. */
  step(embeddings: Tensor2D, labels: Tensor1D): HeadStep;
  /** Frees the GPU's memory. */
  dispose(): void;
}
