import assert from "node:assert/strict";
import { binomialAtMost, binomialInterval, fairCoinTest } from "../../lib/eval/binomial.ts";

const near = (a: number, b: number, bound = 1e-12) => assert.ok(Math.abs(a - b) <= bound * Math.abs(b), `${a} ${b}`);

Deno.test("binomialAtMost() sums exact chances", () => {
  const chance = (k: number, n: number, p: number) => {
    let sum = 0;
    for (let i = 0, choose = 1; i <= k; choose = choose * (n - i) / ++i) sum += choose * p ** i * (1 - p) ** (n - i);
    return sum;
  };
  for (const [n, p] of [[1, 0.3], [10, 0.5], [30, 0.07], [45, 0.9]]) {
    for (let k = 0; k < n; k++) near(binomialAtMost(k, n, p), chance(k, n, p));
  }
  near(binomialAtMost(0, 3000, 1e-4), (1 - 1e-4) ** 3000);
  assert.deepEqual([binomialAtMost(-1, 5, 0.5), binomialAtMost(5, 5, 0.5), binomialAtMost(2, 5, 0)], [0, 1, 1]);
});

Deno.test("binomialInterval() is that of Clopper and Pearson", () => {
  // none of n: the upper end solves (1 - p)^n = 0.025
  near(binomialInterval(0, 3000)[1], 1 - 0.025 ** (1 / 3000), 1e-9);
  near(binomialInterval(50, 50)[0], 0.025 ** (1 / 50), 1e-9);
  assert.deepEqual([binomialInterval(0, 9)[0], binomialInterval(9, 9)[1]], [0, 1]);
  // by the beta quantiles: 10 of 100
  const [low, high] = binomialInterval(10, 100);
  near(low, 0.04900469, 1e-6);
  near(high, 0.17622260, 1e-6);
});

Deno.test("fairCoinTest() is McNemar's exact and mid-p test", () => {
  near(fairCoinTest(1, 10).exact, 22 / 1024);
  near(fairCoinTest(9, 10).exact, 22 / 1024);
  near(fairCoinTest(1, 10).midP, 12 / 1024);
  assert.equal(fairCoinTest(5, 10).exact, 1);
  near(fairCoinTest(5, 10).midP, 1);
  assert.deepEqual(fairCoinTest(0, 0), { exact: 1, midP: 1 });
  near(fairCoinTest(0, 6).exact, 2 / 64);
});
