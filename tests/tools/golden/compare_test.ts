import assert from "node:assert/strict";
import { compare, type Quantity, type Sample, sampleOf, settleWithSpread } from "../../../tools/golden/compare.ts";

/** A number whose float64 value is 2. */
const number = (ours: number, pytorch: number): Quantity => ({ name: "loss", size: 1, ours, exact: 2, pytorch });

const sample = (value: number[], changes: Partial<Sample> = {}): Sample => ({
  ...sampleOf(Float32Array.from(value), value.map((_, i) => i)),
  value,
  ...changes,
});

Deno.test("sampleOf() gives values at the indices, norm and sum of all", () => {
  assert.deepEqual(sampleOf(Float32Array.of(3, -4, 0), [2, 0]), { index: [2, 0], value: [0, 3], l2: 5, sum: -1 });
});

Deno.test("a number is right within ten times PyTorch's error, or 1e-5, relative", () => {
  assert.deepEqual(compare(number(2.00001, 2)), {
    quantity: "loss",
    error: (2.00001 - 2) / 2,
    bound: 1e-5,
    reference: 0,
    ok: true,
  });
  assert.equal(compare(number(2.00003, 2)).ok, false);
  assert.equal(compare(number(2.019, 2.002)).ok, true);
  assert.equal(compare(number(2.021, 2.002)).ok, false);
  assert.equal(compare(number(NaN, 2)).ok, false);
});

Deno.test("a tensor is as wrong as its worst value, its norm or its sum", () => {
  const exact = sample([1, -2, 2]);
  const error = (ours: Sample) => compare({ name: "g", size: 3, ours, exact, pytorch: exact }).error;
  assert.equal(error(exact), 0);
  assert.ok(Math.abs(error(sample([1, -2, 2.002], { l2: 3, sum: 1 })) - 0.002 / 2) < 1e-12);
  assert.ok(Math.abs(error({ ...exact, l2: 3.03 }) - 0.01) < 1e-12);
  assert.ok(Math.abs(error({ ...exact, sum: 1.03 }) - 0.03 / (3 * Math.sqrt(3))) < 1e-12);
});

Deno.test("a tensor that is zero in float64 is compared absolutely", () => {
  const exact = sample([1e-15, -1e-15]);
  const row = (value: number) =>
    compare({ name: "g", size: 2, ours: sample([value, 0]), exact, pytorch: sample([1e-7, 0]) });
  assert.equal(row(1.9e-6).ok, true);
  assert.equal(row(2.2e-6).ok, false);
});

Deno.test("settleWithSpread() does not run again where all is right", async () => {
  const rows = await settleWithSpread([number(2, 2)], () => assert.fail("ran again"));
  assert.deepEqual(rows.map(({ ok, spread }) => [ok, spread]), [[true, undefined]]);
});

Deno.test("an error that moves with roundings is right, in pairs of opposite changes until it shows", async () => {
  const runs: [number, number][] = [];
  const rows = await settleWithSpread([number(2.002, 2), number(2, 2)], (pair, sign) => {
    runs.push([pair, sign]);
    // The value beyond the kink is met in the second pair only.
    return Promise.resolve([number(pair === 1 && sign === -1 ? 2.0001 : 2.002, 2), number(2, 2)]);
  });
  assert.deepEqual(runs, [[0, 1], [0, -1], [1, 1], [1, -1]]);
  assert.ok(rows[0].ok && Math.abs(rows[0].spread! - 0.0019 / 2) < 1e-9);
  assert.deepEqual([rows[1].ok, rows[1].spread], [true, undefined]);
});

Deno.test("an error that stays while roundings change is a defect, whatever others do", async () => {
  let runs = 0;
  const rows = await settleWithSpread([number(2.001, 2), number(2.1, 2)], () => {
    runs++;
    return Promise.resolve([number(2.001 + 1e-6, 2), number(2, 2)]);
  });
  assert.equal(runs, 8);
  assert.deepEqual(rows.map(({ ok }) => ok), [false, true]);
});
