import assert from "node:assert/strict";
import { hash32, hashNumbers, Random } from "../../lib/data/random.ts";

Deno.test("hash32() is the published function", () => {
  // x ^= x>>>16; x *= 0x7feb352d; x ^= x>>>15; x *= 0x846ca68b; x ^= x>>>16, here with big integers.
  const slow = (x: bigint): bigint => {
    const mask = 0xffffffffn;
    x ^= x >> 16n;
    x = x * 0x7feb352dn & mask;
    x ^= x >> 15n;
    x = x * 0x846ca68bn & mask;
    return x ^ x >> 16n;
  };
  for (const x of [0, 1, 21, 0x7fffffff, 0x80000000, 0xffffffff]) assert.equal(BigInt(hash32(x)), slow(BigInt(x)));
});

Deno.test("hashNumbers() tells order, length and high bits apart", () => {
  const keys = [[0], [1], [0, 0], [1, 0], [0, 1], [2 ** 32], [2 ** 32 + 1], [2 ** 40], []];
  assert.equal(new Set(keys.map((key) => hashNumbers(...key))).size, keys.length);
});

Deno.test("Random never changes: runs are resumed by these numbers", () => {
  const random = new Random(21, 0);
  assert.deepEqual([random.next(), random.next(), random.next(), random.below(1000)], FIRST);
});

Deno.test("Random: below() gives every number alike, unit() and bell() have their mean and spread", () => {
  const random = new Random(7);
  const counts = new Array(6).fill(0);
  for (let i = 0; i < 60_000; i++) counts[random.below(6)]++;
  for (const count of counts) assert.ok(Math.abs(count - 10_000) < 400, String(counts));
  const moments = (draw: () => number) => {
    const values = Array.from({ length: 20_000 }, draw);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
  };
  const [mean, spread] = moments(() => random.unit());
  assert.ok(Math.abs(mean - 0.5) < 0.01 && Math.abs(spread - Math.sqrt(1 / 12)) < 0.01);
  const [center, deviation] = moments(() => random.bell());
  assert.ok(Math.abs(center) < 0.03 && Math.abs(deviation - 1) < 0.03);
  assert.equal(random.below(1), 0);
  assert.ok(random.below(2 ** 32) >= 0);
});

/** Xoshiro128** from the state hashNumbers(21, 0, 0 … 3), computed once; must hold for ever. */
const FIRST = [801297878, 2644514936, 1433499282, 235];
