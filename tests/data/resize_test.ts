import assert from "node:assert/strict";
import { resizeImage } from "../../lib/data/resize.ts";

/** A grey image of these rows. */
function grey(...rows: number[][]) {
  const pixels = Uint8Array.from(rows.flat().flatMap((value) => [value, value, value]));
  return { width: rows[0].length, height: rows.length, pixels };
}

/** The first channel, by rows. */
function values(pixels: Uint8Array, size: number): number[][] {
  return Array.from({ length: size }, (_, y) => Array.from({ length: size }, (_, x) => pixels[(y * size + x) * 3]));
}

Deno.test("resizeImage() to the same size changes nothing", () => {
  const image = grey([1, 2], [3, 4]);
  assert.equal(resizeImage(image, 2), image.pixels);
});

Deno.test("resizeImage() halves with the widened triangle, by hand", () => {
  // 4 -> 2: centres 1 and 3, support 2. Weights of inputs 0.5, 1.5, 2.5 at centre 1: 0.75, 0.75, 0.25 (the fourth, at
  // distance 2.5, none), over 1.75: 3/7, 3/7, 1/7. Row 0 70 140 210: (0*3 + 70*3 + 140)/7 = 50; (70 + 3*140 + 3*210)/7 = 160.
  const row = [0, 70, 140, 210];
  assert.deepEqual(values(resizeImage(grey(row, row, row, row), 2), 2), [[50, 160], [50, 160]]);
  // The same along columns.
  const column = grey([0, 0, 0, 0], [70, 70, 70, 70], [140, 140, 140, 140], [210, 210, 210, 210]);
  assert.deepEqual(values(resizeImage(column, 2), 2), [[50, 50], [160, 160]]);
});

Deno.test("resizeImage() doubles between pixel centres, by hand", () => {
  // 2 -> 4: centres 0.25, 0.75, 1.25, 1.75; inputs at 0.5 and 1.5: all of the first, then 3/4 and 1/4, mirrored.
  const expected = [0, 25, 75, 100];
  assert.deepEqual(values(resizeImage(grey([0, 100], [0, 100]), 4), 4), [expected, expected, expected, expected]);
});

Deno.test("resizeImage() stretches what is not square and keeps flat colours exactly", () => {
  const pixels = new Uint8Array(7 * 30 * 3);
  for (let i = 0; i < pixels.length; i += 3) pixels.set([255, 17, 0], i);
  const resized = resizeImage({ width: 7, height: 30, pixels }, 11);
  assert.equal(resized.length, 11 * 11 * 3);
  for (let i = 0; i < resized.length; i += 3) assert.deepEqual([...resized.subarray(i, i + 3)], [255, 17, 0]);
});
