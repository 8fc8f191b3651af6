import assert from "node:assert/strict";
import { inflateSync } from "node:zlib";
import { ALIGNED_LANDMARKS, alignFace, similarityTransform } from "../../lib/data/align_face.ts";
import type { RgbImage } from "../../lib/data/rgb_image.ts";
import { unit } from "../../tools/golden/fill.ts";

const golden = JSON.parse(Deno.readTextFileSync(new URL("../golden/peers/align.json", import.meta.url)));

/** The images of tools/peers/align.py. */
function imageOf(name: string, width: number, height: number): RgbImage {
  const seed = { noise: 77, "56 pixels": 78 }[name];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    if (seed !== undefined) return 256 * unit(seed, i);
    const c = i % 3, x = Math.floor(i / 3) % width, y = Math.floor(i / 3 / width);
    return (Math.abs((3 * x + 2 * y + 40 * c) % 256 - 128) * 15) >> 3;
  });
  return { width, height, pixels };
}

Deno.test("alignFace() agrees with Umeyama's transform and OpenCV's warpAffine", () => {
  assert.equal(golden.cases.length, 5);
  for (const { name, width, height, size, landmarks, matrix, pixels_zlib_base64 } of golden.cases) {
    const { a, b, tx, ty } = similarityTransform(landmarks, ALIGNED_LANDMARKS.map((value) => value * size / 112));
    [a, -b, tx, b, a, ty].forEach((value, i) => assert.ok(Math.abs(value - matrix[i]) < 1e-9, `${name}: matrix ${i}`));
    const expected = inflateSync(Uint8Array.from(atob(pixels_zlib_base64), (letter) => letter.charCodeAt(0)));
    const found = alignFace(imageOf(name, width, height), landmarks, size);
    assert.equal(found.length, expected.length);
    const far = found.filter((value, i) => Math.abs(value - expected[i]) > 1).length;
    assert.ok(far <= 0.001 * found.length, `${name}: ${far} of ${found.length} values are off by more than 1`);
    assert.ok(new Set(found).size > 20, "there is something in the picture");
  }
});

Deno.test("alignFace() of a face that is aligned already is the image", () => {
  const image = imageOf("noise", 112, 112);
  assert.deepEqual(alignFace(image, ALIGNED_LANDMARKS), image.pixels);
});

Deno.test("what lies outside of the image is black", () => {
  const white = { width: 20, height: 20, pixels: new Uint8Array(1200).fill(255) };
  const shifted = ALIGNED_LANDMARKS.map((value, i) => value - (i % 2 === 0 ? 50 : 40));
  const found = alignFace(white, shifted);
  const at = (x: number, y: number) => found[(y * 112 + x) * 3];
  assert.deepEqual([at(50, 40), at(69, 59), at(49, 40), at(70, 59), at(50, 39), at(50, 60)], [255, 255, 0, 0, 0, 0]);
});

Deno.test("alignFace() says what is wrong with landmarks", () => {
  const image = imageOf("noise", 20, 20);
  for (
    const [landmarks, message] of [
      [[1, 2, 3, 4], /five landmarks, found 4 numbers/],
      [new Array(10).fill(3), /apart from each other/],
      [[...ALIGNED_LANDMARKS.slice(1), NaN], /apart from each other/],
    ] as const
  ) assert.throws(() => alignFace(image, landmarks), { name: "InputError", message });
});
