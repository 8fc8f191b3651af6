import assert from "node:assert/strict";
import { imagePrint, isOneColour, likeness, luma, PRINT_SIZE } from "../../../lib/data/check/image_print.ts";
import { bitsApart, NEAR_BITS } from "../../../lib/data/check/near_prints.ts";
import { LEAST_LIKENESS } from "../../../lib/data/check/find_copies.ts";
import { createCodec } from "../../../lib/data/image_codec.ts";
import { resizeImage } from "../../../lib/data/resize.ts";
import type { RgbImage } from "../../../lib/data/rgb_image.ts";
import { syntheticFace } from "../../../lib/data/synthetic_face.ts";

const PEOPLE = 12, PICTURES = 6;

const small = (image: RgbImage) => luma(resizeImage(image, PRINT_SIZE));

function bits(a: Float64Array, b: Float64Array): number {
  return bitsApart(Uint32Array.of(...imagePrint(a), ...imagePrint(b)), 0, 1);
}

function faces(): RgbImage[] {
  return Array.from({ length: PEOPLE * PICTURES }, (_, i) => ({
    ...{ width: 112, height: 112 },
    pixels: syntheticFace({ identity: Math.floor(i / PICTURES), sample: i % PICTURES }),
  }));
}

Deno.test("pictures saved again, smaller or brighter have near prints and are alike", async () => {
  using codec = await createCodec("wasm");
  const again = (image: RgbImage, quality: number) => codec.decode(codec.encodeJpeg(image, { quality }));
  for (const [i, face] of faces().entries()) {
    const original = small(face);
    const size = 96;
    const copies = {
      quality90: again(face, 90),
      quality60: again(face, 60),
      smaller: again({ width: size, height: size, pixels: resizeImage(face, size) }, 90),
      brighter: again({ ...face, pixels: face.pixels.map((value) => Math.min(255, value + 8)) }, 90),
    };
    for (const [name, copy] of Object.entries(copies)) {
      const [apart, alike] = [bits(original, small(copy)), likeness(original, small(copy))];
      assert.ok(apart <= NEAR_BITS && alike >= LEAST_LIKENESS, `face ${i}, ${name}: ${apart} bits, ${alike}`);
    }
  }
});

Deno.test("no two pictures, of one person or of two, pass for copies", () => {
  const all = faces().map(small);
  for (let b = 1; b < all.length; b++) {
    for (let a = 0; a < b; a++) assert.ok(likeness(all[a], all[b]) < LEAST_LIKENESS, `${a} and ${b}`);
  }
});

Deno.test("a print has the signs of the frequencies, by hand", () => {
  // one wave along x: the cosine of the first frequency alone, which is bit 0 of the last band or of the first
  const wave = (sign: number) =>
    Float64Array.from(
      { length: PRINT_SIZE ** 2 },
      (_, i) => 100 + sign * 50 * Math.cos((2 * (i % PRINT_SIZE) + 1) * Math.PI / (2 * PRINT_SIZE)),
    );
  const [up, down] = [imagePrint(wave(1)), imagePrint(wave(-1))];
  // frequencies in order: (0, 1), (1, 0) …: the second is dealt to the second band
  assert.equal(up[0] & (1 << 16), 1 << 16);
  assert.equal(down[0] & (1 << 16), 0);
});

Deno.test("isOneColour() bears the noise of JPEG, likeness() an image of one colour", () => {
  const grey = new Uint8Array(PRINT_SIZE ** 2 * 3).map((_, i) => [200, 10, 90][i % 3] + (i % 5));
  assert.ok(isOneColour(grey));
  grey[1501] += 9;
  assert.ok(!isOneColour(grey));
  const flat = new Float64Array(PRINT_SIZE ** 2).fill(7);
  assert.equal(likeness(flat, flat), 0);
});
