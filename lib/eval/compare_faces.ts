import { InputError } from "../errors.ts";

/** How similar two faces are. */
export interface FaceComparison {
  /** Cosine between the embeddings: -1 to 1, 1 for the same image. */
  readonly similarity: number;
  /** The angle between them over pi, 0 to 1: the distance that verification's accuracies are made on. */
  readonly distance: number;
  /** The similarity from which on they count as one person; undefined where none was given. */
  readonly threshold: number | undefined;
  /** Whether the similarity reaches the threshold. */
  readonly same: boolean | undefined;
}

/**
 * Compares two embeddings, which lie one after the other.
 *
 * @throws {InputError} if one of them has no direction: zero or not finite.
 *
 * @example
 * ```ts
 * import { compareFaces } from "./compare_faces.ts";
 *
 * const { similarity, same } = compareFaces(Float32Array.of(3, 4, 4, 3), 0.5);
 * console.assert(Math.abs(similarity - 0.96) < 1e-12 && same === true);
 * ```
 */
export function compareFaces(embeddings: Float32Array, threshold?: number): FaceComparison {
  const dim = embeddings.length / 2;
  let product = 0, first = 0, second = 0;
  for (let i = 0; i < dim; i++) {
    const a = embeddings[i], b = embeddings[dim + i];
    product += a * b;
    first += a * a;
    second += b * b;
  }
  for (const [i, square] of [first, second].entries()) {
    if (square > 0 && Number.isFinite(square)) continue;
    throw new InputError(
      `Cannot compare faces: expected embedding ${i + 1} to have a length, found ${
        Math.sqrt(square)
      }; the model is damaged`,
    );
  }
  const similarity = Math.min(1, Math.max(-1, product / Math.sqrt(first * second)));
  return {
    similarity,
    distance: Math.acos(similarity) / Math.PI,
    threshold,
    same: threshold === undefined ? undefined : similarity >= threshold,
  };
}
