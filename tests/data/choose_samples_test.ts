import assert from "node:assert/strict";
import { chooseSamples } from "../../lib/data/choose_samples.ts";

/** Class c has 10 (c + 1) samples, dealt out in turns. */
const labels = Array.from({ length: 4 }, (_, c) => Array.from({ length: 10 * (c + 1) }, (_, k) => ({ c, k })))
  .flat().sort((a, b) => a.k - b.k || a.c - b.c).map(({ c }) => c);
const perClass = (samples: Uint32Array) => [0, 1, 2, 3].map((c) => samples.filter((i) => labels[i] === c).length);

Deno.test("stf takes the same share of every class, at least one", () => {
  assert.deepEqual(perClass(chooseSamples(labels, { kind: "stf", share: 0.3 })), [3, 6, 9, 12]);
  assert.deepEqual(perClass(chooseSamples(labels, { kind: "stf", share: 1e-6 })), [1, 1, 1, 1]);
  assert.deepEqual(chooseSamples(labels, { kind: "stf", share: 1 }), Uint32Array.from(labels.keys()));
});

Deno.test("class takes all samples of a share of the classes that have any", () => {
  const counts = perClass(chooseSamples(labels, { kind: "class", share: 0.5 }));
  assert.equal(counts.filter((count, c) => count === 10 * (c + 1)).length, 2);
  assert.equal(counts.filter((count) => count === 0).length, 2);
  assert.equal(chooseSamples([7, 7, 90, 90], { kind: "class", share: 0.5 }).length, 2);
});

Deno.test("the seed fixes the draw; another seed draws others; results rise", () => {
  for (const kind of ["stf", "class"] as const) {
    const draw = (seed: number) => chooseSamples(labels, { kind, share: 0.5, seed });
    assert.deepEqual(draw(3), draw(3));
    assert.deepEqual(draw(3), draw(3).toSorted());
    assert.ok([4, 5, 6, 7].some((seed) => draw(seed).join() !== draw(3).join()));
  }
});

Deno.test("every sample of a class is as likely", () => {
  const drawn = new Array(20).fill(0);
  for (let seed = 0; seed < 2000; seed++) {
    for (const i of chooseSamples(new Array(20).fill(0), { kind: "stf", share: 0.25, seed })) drawn[i]++;
  }
  for (const times of drawn) assert.ok(Math.abs(times - 500) < 100, String(drawn)); // five standard deviations
});

Deno.test("chooseSamples() refuses shares out of range", () => {
  for (const share of [0, -1, 1.5, NaN]) {
    assert.throws(() => chooseSamples(labels, { kind: "stf", share }), {
      name: "InputError",
      message: /above 0 and at most 1/,
    });
  }
});
