/** Pixels a side of the images that prints are made of. */
export const PRINT_SIZE = 32;

/** 32-bit words of a print. */
export const PRINT_WORDS = 4;

/** Bits of a print, and of each of its bands: a pair of prints that differs in fewer bits than there are bands agrees in one. */
const PRINT_BITS = 32 * PRINT_WORDS, BAND_BITS = 16, BANDS = PRINT_BITS / BAND_BITS;

/** The lowest frequencies but the mean, along x and y: slanted lines through the spectrum, the lowest first. */
const FREQUENCIES = Array.from({ length: PRINT_SIZE * PRINT_SIZE }, (_, i) => [i % PRINT_SIZE, i / PRINT_SIZE | 0])
  .sort(([u, v], [s, t]) => u + v - s - t || u - s).slice(1, PRINT_BITS + 1);
const RANKS = 1 + Math.max(...FREQUENCIES.flat());

/** [RANKS, PRINT_SIZE]: cosines of the transform. */
const COSINES = Float64Array.from(
  { length: RANKS * PRINT_SIZE },
  (_, i) => Math.cos((2 * (i % PRINT_SIZE) + 1) * Math.floor(i / PRINT_SIZE) * Math.PI / (2 * PRINT_SIZE)),
);

/**
 * Brightness of an image of PRINT_SIZE x PRINT_SIZE: [PRINT_SIZE, PRINT_SIZE] of 0 to 255.
 *
 * @source ITU-R BT.601, the luma of JPEG
 */
export function luma(pixels: Uint8Array): Float64Array {
  return Float64Array.from(
    { length: PRINT_SIZE * PRINT_SIZE },
    (_, i) => 0.299 * pixels[3 * i] + 0.587 * pixels[3 * i + 1] + 0.114 * pixels[3 * i + 2],
  );
}

/**
 * A print of an image's brightness: the signs of its 128 lowest cosine frequencies. Saving it again as JPEG or at another size changes few
 * of them. They are dealt out so that every band of 16 bits has of low and high ones.
 *
 * @source Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010, the hash by DCT; with signs in place of the
 * comparison with the median
 */
export function imagePrint(brightness: Float64Array): Uint32Array {
  const n = PRINT_SIZE;
  const rows = new Float64Array(n * RANKS); // [y, frequency along x]
  for (let y = 0; y < n; y++) {
    for (let u = 0; u < RANKS; u++) {
      let sum = 0;
      for (let x = 0; x < n; x++) sum += brightness[y * n + x] * COSINES[u * n + x];
      rows[y * RANKS + u] = sum;
    }
  }
  const print = new Uint32Array(PRINT_WORDS);
  FREQUENCIES.forEach(([u, v], i) => {
    let sum = 0;
    for (let y = 0; y < n; y++) sum += rows[y * RANKS + u] * COSINES[v * n + y];
    if (sum <= 0) return;
    const bit = i % BANDS * BAND_BITS + Math.floor(i / BANDS);
    print[bit >>> 5] |= 1 << (bit & 31);
  });
  return print;
}

/** Is an image, of PRINT_SIZE x PRINT_SIZE, of one colour: no two places more than 8 of 255 apart in red, green or blue? */
export function isOneColour(pixels: Uint8Array): boolean {
  for (let channel = 0; channel < 3; channel++) {
    let least = 255, most = 0;
    for (let at = channel; at < pixels.length; at += 3) {
      if (pixels[at] < least) least = pixels[at];
      if (pixels[at] > most) most = pixels[at];
    }
    if (most - least > 8) return false;
  }
  return true;
}

/** How alike two images' brightnesses are: their correlation, 1 where one is the other in another contrast. */
export function likeness(a: Float64Array, b: Float64Array): number {
  const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    const x = a[i] - meanA, y = b[i] - meanB;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa * bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
