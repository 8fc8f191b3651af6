import type { RgbImage } from "./rgb_image.ts";

/**
 * Resizes an image to `size` x `size`, stretching it where it is not square.
 *
 * Bilinear, with the filter widened by the scale where the image shrinks (what PIL calls BILINEAR), so that fine detail
 * is averaged instead of skipped. An image that has the size already is returned as it is.
 *
 * @returns [size, size, 3]; the image's own pixels where nothing was to be done.
 * @example
 * ```ts
 * import { resizeImage } from "./resize.ts";
 *
 * const pixels = resizeImage({ width: 2, height: 1, pixels: Uint8Array.of(0, 0, 0, 100, 200, 50) }, 1);
 * console.assert(pixels.join() === "50,100,25");
 * ```
 */
export function resizeImage(image: RgbImage, size: number): Uint8Array {
  const { width, height, pixels } = image;
  if (width === size && height === size) return pixels;
  const columns = triangleTaps(width, size);
  const rows = triangleTaps(height, size);

  // Rows first narrowed: [height, size, 3]; not rounded in between.
  const narrow = new Float32Array(height * size * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < size; x++) {
      let r = 0, g = 0, b = 0;
      let at = (y * width + columns.first[x]) * 3;
      for (let k = columns.start[x]; k < columns.start[x + 1]; k++, at += 3) {
        const weight = columns.weights[k];
        r += weight * pixels[at];
        g += weight * pixels[at + 1];
        b += weight * pixels[at + 2];
      }
      const out = (y * size + x) * 3;
      narrow[out] = r;
      narrow[out + 1] = g;
      narrow[out + 2] = b;
    }
  }
  const result = new Uint8Array(size * size * 3);
  const stride = size * 3;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < stride; x++) {
      let sum = 0.5;
      let at = rows.first[y] * stride + x;
      for (let k = rows.start[y]; k < rows.start[y + 1]; k++, at += stride) sum += rows.weights[k] * narrow[at];
      result[y * stride + x] = Math.min(255, sum);
    }
  }
  return result;
}

/** For every output position: the first input position, and weights `start[i]` to `start[i + 1]`, which sum to 1. */
interface Taps {
  first: Int32Array;
  start: Int32Array;
  weights: Float64Array;
}

/** Pixels are areas: output i covers inputs i * scale to (i + 1) * scale, its centre lies in the middle. */
function triangleTaps(from: number, to: number): Taps {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const first = new Int32Array(to);
  const start = new Int32Array(to + 1);
  const weights: number[] = [];
  for (let i = 0; i < to; i++) {
    const center = (i + 0.5) * scale;
    const low = Math.max(0, Math.floor(center - support + 0.5));
    const high = Math.min(from, Math.floor(center + support + 0.5));
    const begin = weights.length;
    let sum = 0;
    for (let k = low; k < high; k++) {
      const weight = Math.max(0, 1 - Math.abs(k + 0.5 - center) / support);
      weights.push(weight);
      sum += weight;
    }
    for (let k = begin; k < weights.length; k++) weights[k] /= sum;
    first[i] = low;
    start[i] = begin;
  }
  start[to] = weights.length;
  return { first, start, weights: Float64Array.from(weights) };
}
