import assert from "node:assert/strict";
import { resizeImage } from "../../lib/data/resize.ts";
import { syntheticFace } from "../../lib/data/synthetic_face.ts";

const SEED = 21;

/** A picture's 28x28 grey levels, centred, of unit length: what a program without any learning would compare. */
function raw(identity: number, sample: number): Float64Array {
  const pixels = syntheticFace({ identity, sample, seed: SEED });
  const small = resizeImage({ width: 112, height: 112, pixels }, 28);
  const grey = Float64Array.from({ length: 784 }, (_, i) => {
    return 0.299 * small[3 * i] + 0.587 * small[3 * i + 1] + 0.114 * small[3 * i + 2];
  });
  const mean = grey.reduce((sum, value) => sum + value, 0) / 784;
  const length = Math.sqrt(grey.reduce((sum, value) => sum + (value - mean) ** 2, 0));
  return grey.map((value) => (value - mean) / length);
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

Deno.test("syntheticFace() is a function of its numbers", () => {
  const face = syntheticFace({ identity: 5, sample: 2, seed: SEED });
  assert.equal(face.length, 112 * 112 * 3);
  assert.deepEqual(syntheticFace({ identity: 5, sample: 2, seed: SEED }), face);
  for (const other of [{ identity: 6, sample: 2 }, { identity: 5, sample: 3 }, { identity: 5, sample: 2, seed: 22 }]) {
    assert.notDeepEqual(syntheticFace({ seed: SEED, ...other }), face);
  }
});

Deno.test("syntheticFace() draws the same picture at another size", () => {
  for (const identity of [1, 2, 3]) {
    const options = { identity, sample: 0, seed: SEED, variation: 0 }; // without noise
    const large = resizeImage({ width: 224, height: 224, pixels: syntheticFace({ ...options, imageSize: 224 }) }, 56);
    const small = syntheticFace({ ...options, imageSize: 56 });
    assert.ok(mean(Array.from(small, (value, i) => Math.abs(value - large[i]))) < 4);
  }
});

Deno.test("syntheticFace(): pictures are neither flat nor clipped", () => {
  for (let identity = 0; identity < 30; identity++) {
    const pixels = [...syntheticFace({ identity, sample: 1, seed: SEED })];
    const middle = mean(pixels);
    assert.ok(middle > 15 && middle < 245, `person ${identity}: mean ${middle}`);
    assert.ok(Math.sqrt(mean(pixels.map((value) => (value - middle) ** 2))) > 12, `person ${identity} is flat`);
  }
});

Deno.test("syntheticFace(): raw pixels tell people apart somewhat, far from well", () => {
  const people = 30, pictures = 4;
  const rows = Array.from({ length: people }, (_, p) => Array.from({ length: pictures }, (_, k) => raw(500 + p, k)));
  const cosine = (a: Float64Array, b: Float64Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const scores: [number, boolean][] = [];
  for (let p = 0; p < people; p++) {
    for (let a = 0; a < pictures; a++) {
      for (let b = 0; b < a; b++) {
        scores.push([cosine(rows[p][a], rows[p][b]), true]);
        scores.push([cosine(rows[p][a], rows[(p + 1 + a + 3 * b) % people][b]), false]);
      }
    }
  }
  scores.sort((one, other) => other[0] - one[0]);
  let right = scores.length / 2, best = 0;
  for (const [, same] of scores) best = Math.max(best, right += same ? 1 : -1);
  const accuracy = best / scores.length;
  assert.ok(accuracy > 0.58 && accuracy < 0.74, String(accuracy));
});
