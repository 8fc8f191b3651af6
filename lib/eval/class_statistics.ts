import { InputError } from "../errors.ts";

/** What is known of the embeddings of each class. All arrays but `counts` are [classes, dim], zeros for classes without images. */
export interface ClassMoments {
  /** Images of each class. */
  readonly counts: Uint32Array<ArrayBuffer>;
  /** Mean embedding. */
  readonly means: Float32Array<ArrayBuffer>;
  /** Standard deviation (population) of each number of the embeddings. */
  readonly deviations: Float32Array<ArrayBuffer>;
  /** Mean of the embeddings scaled to unit length; its length says how near to each other they are. */
  readonly directions: Float32Array<ArrayBuffer>;
}

/**
 * Running sums of embeddings per class, in float64: memory is three rows per class, whatever the number of images.
 *
 * @example
 * ```ts
 * import { ClassStatistics } from "./class_statistics.ts";
 *
 * const sums = new ClassStatistics(2, 2);
 * sums.add(0, [3, 4]);
 * sums.add(0, [1, 0]);
 * const { means, deviations } = sums.finish();
 * console.assert(means.join() === "2,2,0,0" && deviations.join() === "1,2,0,0");
 * ```
 */
export class ClassStatistics {
  readonly #dim: number;
  readonly #counts: Uint32Array<ArrayBuffer>;
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  readonly #units: Float64Array;

  /** Sums for so many classes of embeddings of `dim` numbers. */
  constructor(classes: number, dim: number) {
    this.#dim = dim;
    this.#counts = new Uint32Array(classes);
    const numbers = () => new Float64Array(classes * dim);
    this.#sums = numbers();
    this.#squares = numbers();
    this.#units = numbers();
  }

  /**
   * Adds an embedding of class `label`; `name` says in a message which image it was.
   *
   * @throws {InputError} if it is zero or not finite.
   */
  add(label: number, embedding: ArrayLike<number>, name = `an image of class ${label}`): void {
    let square = 0;
    for (let d = 0; d < this.#dim; d++) square += embedding[d] * embedding[d];
    if (!(square > 0 && square < Infinity)) {
      throw new InputError(
        `Cannot sum up embeddings: expected one with a direction for ${name}, found length ${
          Math.sqrt(square)
        }; check the model`,
      );
    }
    const scale = 1 / Math.sqrt(square);
    this.#counts[label]++;
    for (let d = 0, at = label * this.#dim; d < this.#dim; d++, at++) {
      this.#sums[at] += embedding[d];
      this.#squares[at] += embedding[d] * embedding[d];
      this.#units[at] += embedding[d] * scale;
    }
  }

  /** What was found. */
  finish(): ClassMoments {
    const per = (value: (at: number, count: number) => number) => {
      const result = new Float32Array(this.#sums.length);
      for (const [label, count] of this.#counts.entries()) {
        if (count === 0) continue;
        for (let at = label * this.#dim; at < (label + 1) * this.#dim; at++) result[at] = value(at, count);
      }
      return result;
    };
    return {
      counts: this.#counts.slice(),
      means: per((at, count) => this.#sums[at] / count),
      deviations: per((at, count) => Math.sqrt(Math.max(0, this.#squares[at] / count - (this.#sums[at] / count) ** 2))),
      directions: per((at, count) => this.#units[at] / count),
    };
  }
}
