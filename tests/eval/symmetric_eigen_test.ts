import assert from "node:assert/strict";
import { symmetricEigen } from "../../lib/eval/symmetric_eigen.ts";
import { fill } from "../../tools/golden/fill.ts";

function symmetric(n: number, seed: number): Float64Array {
  const values = fill(seed, n * n);
  return Float64Array.from({ length: n * n }, (_, at) => {
    const i = Math.floor(at / n), j = at % n;
    return values[Math.min(i, j) * n + Math.max(i, j)];
  });
}

function check(matrix: Float64Array, n: number): Float64Array {
  const { values, vectors } = symmetricEigen(matrix, n);
  const bound = 1e-13 * n;
  for (let e = 0; e < n; e++) {
    if (e > 0) assert.ok(values[e] <= values[e - 1], "values fall");
    for (let i = 0; i < n; i++) {
      let product = 0;
      for (let j = 0; j < n; j++) product += matrix[i * n + j] * vectors[e * n + j];
      assert.ok(Math.abs(product - values[e] * vectors[e * n + i]) < bound, `A v = lambda v: ${e}, ${i}`);
    }
    for (let other = 0; other <= e; other++) {
      let dot = 0;
      for (let i = 0; i < n; i++) dot += vectors[e * n + i] * vectors[other * n + i];
      assert.ok(Math.abs(dot - (other === e ? 1 : 0)) < bound, `orthonormal: ${e}, ${other}`);
    }
  }
  return values;
}

Deno.test("symmetricEigen() finds values and orthonormal vectors of any size", () => {
  for (const n of [1, 2, 3, 8, 41]) check(symmetric(n, n), n);
});

Deno.test("symmetricEigen() of diagonal, repeated and split matrices", () => {
  assert.deepEqual([...check(Float64Array.of(1, 0, 0, 0, 3, 0, 0, 0, 2), 3)], [3, 2, 1]);
  check(new Float64Array(25), 5);
  const blocks = new Float64Array(36); // two equal blocks: every value comes twice
  for (const at of [0, 3]) {
    [[4, 1, 2], [1, 3, 0], [2, 0, 5]].forEach((row, i) => row.forEach((v, j) => blocks[(at + i) * 6 + at + j] = v));
  }
  const values = check(blocks, 6);
  for (const i of [0, 2, 4]) assert.ok(Math.abs(values[i] - values[i + 1]) < 1e-13);
});
