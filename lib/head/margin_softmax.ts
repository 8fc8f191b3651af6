import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Tensor, Tensor1D, Tensor2D } from "../gpu/tensor.ts";
import { classSoftmax } from "./class_softmax.ts";
import type { Together } from "../gpu/together.ts";
import type { ClassSample } from "./class_sample.ts";
import type { ClassUpdate, HeadStep } from "./head.ts";
import type { MarginOptions } from "./margin.ts";
import { type ClassSplit, splitSoftmax } from "./split_softmax.ts";
import { plainSoftmax } from "./plain_softmax.ts";

/** How the loss is computed. */
export interface MarginSoftmaxOptions {
  /** Updates the weights in the backward pass, which then has no gradient for them. */
  readonly update?: ClassUpdate;
  /** Ranks that take the step together. */
  readonly together?: Together;
  /** The weights are those of a part of the classes, and the others are other ranks'. */
  readonly split?: ClassSplit;
  /** The classes that take part. @default all */
  readonly sample?: ClassSample;
}

/** The kernels over classes read four values of an embedding at a time. */
export function goesOverClasses(embeddingSize: number): boolean {
  return embeddingSize % 4 === 0;
}

/**
 * Cross-entropy of `scale` times the cosines between embeddings [B, D] and class weights [C, D] (in parts), where the label's cosine is
 * replaced by one with a margin; see the method's equations 5 and 6.
 */
export function marginSoftmax(
  gpu: Gpu,
  embeddings: Tensor2D,
  weight: readonly Tensor[],
  labels: Tensor1D,
  options: MarginOptions,
  { update, together, split, sample }: MarginSoftmaxOptions = {},
): HeadStep {
  if (split) return splitSoftmax(gpu, embeddings, weight, labels, options, { update, sample }, together!, split);
  if (goesOverClasses(embeddings.shape[1])) {
    return classSoftmax(gpu, embeddings, weight, labels, options, { update, together, sample });
  }
  if (update) throw new Error(`Class weights of ${embeddings.shape[1]} values cannot be updated in place`);
  return plainSoftmax(embeddings, weight as readonly Tensor2D[], labels, options);
}
