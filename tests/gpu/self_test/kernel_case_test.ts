import assert from "node:assert/strict";
import { type Comparison, exactly, largestError, tolerance } from "../../../lib/gpu/self_test/kernel_case.ts";

const comparison = (found: number[], value: number[], spread: number[]): Comparison => ({
  what: "output",
  found: Float32Array.from(found),
  value: Float64Array.from(value),
  spread: Float64Array.from(spread),
  terms: 1,
});

Deno.test("largestError() is the worst error in units of its spread", () => {
  assert.equal(largestError(comparison([1, 2.5], [1, 2], [1, 4])), 0.125);
  assert.equal(largestError(comparison([0], [0], [0])), 0);
});

Deno.test("largestError() of what is missing, not a number, or nonzero where nothing adds up is infinite", () => {
  assert.equal(largestError(comparison([1], [1, 2], [1, 1])), Infinity);
  assert.equal(largestError(comparison([NaN, 1], [1, 1], [1, 1])), Infinity);
  assert.equal(largestError(comparison([1, NaN], [0, 1], [1, 1])), Infinity);
  assert.equal(largestError(comparison([1e-30], [0], [0])), Infinity);
});

Deno.test("tolerance() grows with the root of the length and never excuses a lost term", () => {
  assert.equal(tolerance({ terms: 0 }), tolerance({ terms: 1 }));
  assert.equal(tolerance({ terms: 400 }), 20 * tolerance({ terms: 1 }));
  for (const terms of [1, 27, 576, 25088, 1e6]) assert.ok(tolerance({ terms }) < 0.5 / Math.sqrt(terms));
  for (const terms of [1, 27, 576]) assert.ok(tolerance({ terms, half: true }) < 0.5 / Math.sqrt(terms));
});

Deno.test("exactly() measures errors by each value's own size", () => {
  const expected = exactly(Float64Array.of(-2, 0.5));
  assert.deepEqual([...expected.spread], [2, 0.5]);
});
