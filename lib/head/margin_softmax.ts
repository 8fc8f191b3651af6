import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Tensor, Tensor1D, Tensor2D } from "../gpu/tensor.ts";
import { classSoftmax } from "./class_softmax.ts";
import type { HeadStep } from "./head.ts";
import type { MarginOptions } from "./margin.ts";
import { plainSoftmax } from "./plain_softmax.ts";

/**
 * Cross-entropy of `scale` times the cosines between embeddings [B, D] and class weights [C, D], where the label's cosine is
 * replaced by one with a margin; see the method's equations 5 and 6.
 */
export function marginSoftmax(
  gpu: Gpu,
  embeddings: Tensor2D,
  weight: Tensor,
  labels: Tensor1D,
  options: MarginOptions,
): HeadStep {
  // The kernels over classes read four values of an embedding at a time.
  return embeddings.shape[1] % 4 === 0
    ? classSoftmax(gpu, embeddings, weight, labels, options)
    : plainSoftmax(embeddings, weight as Tensor2D, labels, options);
}
