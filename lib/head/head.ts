import type { Scalar, Tensor, Tensor1D, Tensor2D } from "../gpu/tensor.ts";
import type { Parameters } from "../nn/parameters.ts";
import type { ClassShare } from "./class_share.ts";

/** What one training step of a head gives. */
export interface HeadStep {
  /** Mean cross-entropy over the batch, on the tape. */
  readonly loss: Scalar;
  /** [t, margin mean, margin max, margin min, number of right answers], not on the tape; the caller disposes of it. */
  readonly metrics: Tensor1D;
}

/** A step of SGD that the backward pass takes on the class weights, range by range, so that their gradient is never a tensor. */
export interface ClassUpdate {
  /** Learning rate, momentum, weight decay. */
  readonly hyper: Tensor1D;
  /** The weights' velocities, in parts as the weights are; changed in place. */
  readonly velocities: readonly Tensor[];
}

/** A margin-softmax classifier over embeddings, with its class weights and buffers. */
export interface Head {
  /** Its name, such as `center_bias`. */
  readonly name: string;
  /** Number of classes. */
  readonly classes: number;
  /** `weight` [classes, dim], and whatever else the head keeps. */
  readonly parameters: Parameters;
  /** Whether `step` can update the class weights itself; else it only gives their gradient. */
  readonly updatesInPlace: boolean;
  /** The classes it has where these are divided over ranks: `weight` and `center` have rows for them alone. */
  readonly share?: ClassShare;
  /**
   * Where classes are sampled: draws those that take part in the step after `step` steps, before it; `labels` are those of all
   * samples, of all ranks.
   */
  readonly drawClasses?: (labels: Int32Array, step: number) => void;
  /**
   * Loss of embeddings [batch, dim] with labels [batch] (int32); moves the head's buffers. With `update`, the loss has a gradient by the embeddings
   * alone, and the backward pass that computes it changes the class weights.
   */
  step(embeddings: Tensor2D, labels: Tensor1D, update?: ClassUpdate): HeadStep;
  /** Frees the GPU's memory. */
  dispose(): void;
}
