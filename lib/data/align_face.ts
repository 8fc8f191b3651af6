import { InputError } from "../errors.ts";
import type { RgbImage } from "./rgb_image.ts";

/**
 * Where the five landmarks (left eye, right eye, nose, left and right corner of the mouth, as one sees them) of an aligned face of 112x112
 * pixels are: x1, y1 … x5, y5.
 */
export const ALIGNED_LANDMARKS: readonly number[] = [
  ...[38.2946, 51.6963],
  ...[73.5318, 51.5014],
  ...[56.0252, 71.7366],
  ...[41.5493, 92.3655],
  ...[70.7299, 92.2041],
];

/** The size those are for. */
const ALIGNED_SIZE = 112;

/** u = a x - b y + tx, v = b x + a y + ty: a rotation, a scale and a shift. */
export interface Similarity {
  /** Scale times cosine. */
  readonly a: number;
  /** Scale times sine. */
  readonly b: number;
  /** Shift in x. */
  readonly tx: number;
  /** Shift in y. */
  readonly ty: number;
}

/**
 * The similarity transform that brings points nearest to others, by the sum of squared distances. Points are x1, y1, x2, y2 …
 *
 * Umeyama's solution: in the plane his rotation and scale are those of the regression of complex numbers, without a decomposition.
 *
 * @throws {InputError} if the points are all the same, or not finite.
 * @source Umeyama, "Least-squares estimation of transformation parameters between two point patterns", 1991
 *
 * @example
 * ```ts
 * import { similarityTransform } from "./align_face.ts";
 *
 * const { a, b, tx, ty } = similarityTransform([0, 0, 1, 0], [5, 7, 5, 9]); // a quarter turn, twice as large
 * console.assert([a, b, tx, ty].join() === "0,2,5,7");
 * ```
 */
export function similarityTransform(from: ArrayLike<number>, to: ArrayLike<number>): Similarity {
  const count = from.length / 2;
  let fx = 0, fy = 0, ux = 0, uy = 0;
  for (let i = 0; i < from.length; i += 2) {
    fx += from[i] / count;
    fy += from[i + 1] / count;
    ux += to[i] / count;
    uy += to[i + 1] / count;
  }
  let spread = 0, along = 0, across = 0;
  for (let i = 0; i < from.length; i += 2) {
    const x = from[i] - fx, y = from[i + 1] - fy;
    const u = to[i] - ux, v = to[i + 1] - uy;
    spread += x * x + y * y;
    along += x * u + y * v;
    across += x * v - y * u;
  }
  if (!(spread > 0 && spread < Infinity)) {
    throw new InputError(
      "Cannot align a face: expected landmarks apart from each other, found them in one place; check them",
    );
  }
  const a = along / spread, b = across / spread;
  return { a, b, tx: ux - a * fx + b * fy, ty: uy - b * fx - a * fy };
}

/** Bits of a place behind the point: places are told to 1/32 of a pixel, as OpenCV's warpAffine does. */
const FRACTION_BITS = 5;
/** Bits kept while a place is summed up. */
const SUM_BITS = 10;

/**
 * Cuts a face out of an image and turns it upright by its five landmarks (pixels of the image): [size, size, 3] RGB, bilinear, black where
 * the image has no pixels. What OpenCV's warpAffine computes, place rounded to 1/32 of a pixel and all.
 *
 * @throws {InputError} if the landmarks are not ten numbers or all in one place.
 */
export function alignFace(image: RgbImage, landmarks: ArrayLike<number>, size: number = ALIGNED_SIZE): Uint8Array {
  if (landmarks.length !== ALIGNED_LANDMARKS.length) {
    throw new InputError(
      `Cannot align a face: expected x and y of five landmarks, found ${landmarks.length} numbers; check them`,
    );
  }
  const scale = size / ALIGNED_SIZE;
  const { a, b, tx, ty } = similarityTransform(landmarks, ALIGNED_LANDMARKS.map((value) => value * scale));
  const square = a * a + b * b;
  if (!(square > 0 && square < Infinity)) {
    throw new InputError(
      "Cannot align a face: expected landmarks of a face, found a transform of no scale; check them",
    );
  }
  // back: from the aligned image to the given one
  const ia = a / square, ib = -b / square;
  return warp(image, { a: ia, b: ib, tx: -(ia * tx - ib * ty), ty: -(ib * tx + ia * ty) }, size);
}

/** Pixels of `image` at the places that `back` gives for those of the result. */
function warp({ width, height, pixels }: RgbImage, back: Similarity, size: number): Uint8Array {
  const { a, b, tx, ty } = back;
  const one = 1 << SUM_BITS;
  const half = 1 << (SUM_BITS - FRACTION_BITS - 1);
  const mask = (1 << FRACTION_BITS) - 1, most = 1 << FRACTION_BITS;
  const columnX = Float64Array.from({ length: size }, (_, x) => roundEven(a * x * one));
  const columnY = Float64Array.from({ length: size }, (_, x) => roundEven(b * x * one));
  const result = new Uint8Array(size * size * 3);
  const inside = (x: number, y: number) => x >= 0 && x < width && y >= 0 && y < height;
  for (let y = 0, out = 0; y < size; y++) {
    const rowX = roundEven((tx - b * y) * one) + half;
    const rowY = roundEven((ty + a * y) * one) + half;
    for (let x = 0; x < size; x++, out += 3) {
      const placeX = Math.floor((rowX + columnX[x]) / (one / most));
      const placeY = Math.floor((rowY + columnY[x]) / (one / most));
      const left = Math.floor(placeX / most), top = Math.floor(placeY / most);
      if (left < -1 || left >= width || top < -1 || top >= height) continue;
      const right = placeX & mask, down = placeY & mask;
      const weights = [(most - right) * (most - down), right * (most - down), (most - right) * down, right * down];
      for (let k = 0; k < 4; k++) {
        const px = left + (k & 1), py = top + (k >> 1);
        if (weights[k] === 0 || !inside(px, py)) weights[k] = 0;
      }
      const at = (top * width + left) * 3;
      const below = at + width * 3;
      for (let c = 0; c < 3; c++) {
        let sum = (most * most) >> 1;
        if (weights[0]) sum += weights[0] * pixels[at + c];
        if (weights[1]) sum += weights[1] * pixels[at + 3 + c];
        if (weights[2]) sum += weights[2] * pixels[below + c];
        if (weights[3]) sum += weights[3] * pixels[below + 3 + c];
        result[out + c] = sum >> (2 * FRACTION_BITS);
      }
    }
  }
  return result;
}

/** The nearest whole number, of two equally near ones the even. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
