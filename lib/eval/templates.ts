import { InputError } from "../errors.ts";

/** Which template and media each image of a template set belongs to; both arrays have one entry per image. */
export interface TemplateImages {
  /** Template of each image: a number from the set's lists. */
  templates: ArrayLike<number>;
  /** Media (a still, or all frames of one video) of each image. */
  media: ArrayLike<number>;
}

/** One feature per template. */
export interface TemplateFeatures {
  /** Distinct template numbers, rising; row r of `features` belongs to ids[r]. */
  readonly ids: Float64Array;
  /** [templates, dim], row-major, unit length. */
  readonly features: Float64Array;
  /** Numbers per feature. */
  readonly dim: number;
}

/**
 * Pools image features into template features as IJB-B and IJB-C do: per media the mean of its images, the sum over a template's
 * medias, then unit length.
 *
 * How many images a media has is known from the lists, so a feature is weighted and added as it comes, in any order: memory is
 * one row per template, whatever the number of images.
 *
 * @example
 * ```ts
 * import { scorePairs, TemplatePool } from "./templates.ts";
 *
 * const pool = new TemplatePool({ templates: [7, 7, 9], media: [1, 1, 1] }, 2);
 * [[1, 0], [0, 1], [1, 1]].forEach((feature, image) => pool.add(image, feature));
 * const [score] = scorePairs(pool.finish(), [7], [9]); // the mean of two images points where the third does
 * console.assert(Math.abs(score - 1) < 1e-15);
 * ```
 */
export class TemplatePool {
  readonly #ids: Float64Array;
  readonly #row: Uint32Array;
  readonly #weight: Float64Array;
  readonly #sums: Float64Array;
  readonly #added: Uint8Array;
  readonly #dim: number;
  #missing: number;

  /**
   * A pool for these images, whose features have `dim` numbers.
   *
   * @throws {InputError} if there are no images or the lists differ in length.
   */
  constructor({ templates, media }: TemplateImages, dim: number) {
    const images = templates.length;
    if (images === 0 || media.length !== images) {
      throw new InputError(
        `Cannot pool templates: expected a template and a media per image, found ${images} and ${media.length}; check the list`,
      );
    }
    const order = Uint32Array.from({ length: images }, (_, i) => i);
    order.sort((a, b) => templates[a] - templates[b] || media[a] - media[b]);
    const ids: number[] = [];
    this.#row = new Uint32Array(images);
    this.#weight = new Float64Array(images);
    for (let start = 0, end = 0; start < images; start = end) {
      const template = templates[order[start]];
      while (end < images && templates[order[end]] === template && media[order[end]] === media[order[start]]) end++;
      if (end === start) {
        throw new InputError(
          `Cannot pool templates: expected numbers, found NaN for image ${order[start]}; check the list`,
        );
      }
      if (ids.at(-1) !== template) ids.push(template);
      for (let i = start; i < end; i++) {
        this.#row[order[i]] = ids.length - 1;
        this.#weight[order[i]] = 1 / (end - start);
      }
    }
    this.#ids = Float64Array.from(ids);
    this.#sums = new Float64Array(ids.length * dim);
    this.#added = new Uint8Array(images);
    this.#dim = dim;
    this.#missing = images;
  }

  /**
   * Adds the feature of image `image` (its place in the lists), once.
   *
   * @throws {InputError} if it has another length or a number that is not finite.
   */
  add(image: number, feature: ArrayLike<number>): void {
    if (this.#added[image] !== 0) {
      throw new RangeError(`image ${image} of ${this.#added.length} is added already, or is none`);
    }
    if (feature.length !== this.#dim) {
      throw new InputError(
        `Cannot pool templates: expected ${this.#dim} numbers for image ${image}, found ${feature.length}; check the features`,
      );
    }
    const weight = this.#weight[image];
    const start = this.#row[image] * this.#dim;
    for (let d = 0; d < this.#dim; d++) {
      if (!Number.isFinite(feature[d])) {
        throw new InputError(
          `Cannot pool templates: expected finite numbers for image ${image}, found ${feature[d]}; check the model`,
        );
      }
      this.#sums[start + d] += weight * feature[d];
    }
    this.#added[image] = 1;
    this.#missing--;
  }

  /**
   * The templates' features, once every image was added.
   *
   * @throws {InputError} if images are missing.
   */
  finish(): TemplateFeatures {
    if (this.#missing > 0) {
      const first = this.#added.indexOf(0);
      throw new InputError(
        `Cannot pool templates: expected ${this.#added.length} images, found ${this.#missing} missing, the first is image ${first}; add them`,
      );
    }
    const features = this.#sums.slice();
    for (let start = 0; start < features.length; start += this.#dim) {
      let square = 0;
      for (let d = 0; d < this.#dim; d++) square += features[start + d] ** 2;
      const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
      for (let d = 0; d < this.#dim; d++) features[start + d] *= scale;
    }
    return { ids: this.#ids, features, dim: this.#dim };
  }
}

/**
 * Scores of template pairs: the dot product of their features. `first` and `second` are template numbers; long lists may be given
 * piece by piece.
 *
 * @throws {InputError} if the lists differ in length or name a template that has no images.
 */
export function scorePairs(
  { ids, features, dim }: TemplateFeatures,
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): Float64Array {
  if (first.length !== second.length) {
    throw new InputError(
      `Cannot score template pairs: expected two templates per pair, found ${first.length} and ${second.length}; check the list`,
    );
  }
  const rowOf = rowLookup(ids);
  const row = (id: number, pair: number) => {
    const found = rowOf(id);
    if (found !== undefined) return found;
    throw new InputError(
      `Cannot score template pairs: expected templates that have images, found ${id} in pair ${pair}; check the list`,
    );
  };
  const scores = new Float64Array(first.length);
  const [a, b] = [first, second].map((list) =>
    Uint32Array.from({ length: list.length }, (_, pair) => row(list[pair], pair))
  );
  for (const pair of byBlock(b, Math.max(1, Math.floor(BLOCK_NUMBERS / dim)), ids.length)) {
    scores[pair] = dot(features, a[pair] * dim, b[pair] * dim, dim);
  }
  return scores;
}

/** Numbers of features that stay near the processor while all pairs with them are scored: 256 KiB. */
const BLOCK_NUMBERS = 1 << 15;

/** Pairs in the order of the block that their row is in, else in their own. */
function byBlock(rows: Uint32Array, blockRows: number, count: number): Uint32Array {
  const starts = new Uint32Array(Math.ceil(count / blockRows) + 1);
  for (let pair = 0; pair < rows.length; pair++) starts[Math.floor(rows[pair] / blockRows) + 1]++;
  for (let block = 1; block < starts.length; block++) starts[block] += starts[block - 1];
  const order = new Uint32Array(rows.length);
  for (let pair = 0; pair < rows.length; pair++) order[starts[Math.floor(rows[pair] / blockRows)]++] = pair;
  return order;
}

/** Dot product of the `dim` numbers at `a` and at `b`. Four sums: each addition need not wait for the one before. */
export function dot(features: Float64Array, a: number, b: number, dim: number): number {
  let sum = 0, sum1 = 0, sum2 = 0, sum3 = 0;
  const end = a + dim - dim % 4;
  for (; a < end; a += 4, b += 4) {
    sum += features[a] * features[b];
    sum1 += features[a + 1] * features[b + 1];
    sum2 += features[a + 2] * features[b + 2];
    sum3 += features[a + 3] * features[b + 3];
  }
  for (let d = 0; d < dim % 4; d++) sum += features[a + d] * features[b + d];
  return sum + sum1 + (sum2 + sum3);
}

/** Numbers up to this are looked up in an array. */
const MOST_DENSE = 1 << 24;

/** Finds the row of a template number; undefined if it has none. */
function rowLookup(ids: Float64Array): (id: number) => number | undefined {
  const [least, most] = [ids[0], ids[ids.length - 1]];
  if (!(least >= 0 && most < MOST_DENSE && ids.every(Number.isInteger))) {
    const rows = new Map<number, number>();
    ids.forEach((id, row) => rows.set(id, row));
    return (id) => rows.get(id);
  }
  const rows = new Int32Array(most + 1).fill(-1);
  ids.forEach((id, row) => rows[id] = row);
  return (id) => rows[id] >= 0 ? rows[id] : undefined;
}
