import assert from "node:assert/strict";
import { compareFaces } from "../../lib/eval/compare_faces.ts";

Deno.test("compareFaces() by hand", () => {
  assert.deepEqual(compareFaces(Float32Array.of(2, 0, 0, 5)), {
    similarity: 0,
    distance: 0.5,
    threshold: undefined,
    same: undefined,
  });
  assert.deepEqual(compareFaces(Float32Array.of(2, 0, -1, 0), -1), {
    similarity: -1,
    distance: 1,
    threshold: -1,
    same: true,
  });
  assert.equal(compareFaces(Float32Array.of(3, 4, 4, 3), 0.97).same, false);
  assert.equal(compareFaces(Float32Array.of(0.1, 0.1, 0.1, 0.1)).similarity, 1);
});

Deno.test("compareFaces() refuses embeddings without a direction", () => {
  for (const [value, found] of [[0, "0"], [NaN, "NaN"], [Infinity, "Infinity"]] as const) {
    assert.throws(() => compareFaces(Float32Array.of(1, 1, value, value)), {
      name: "InputError",
      message: `Cannot compare faces: expected embedding 2 to have a length, found ${found}; the model is damaged`,
    });
  }
});
