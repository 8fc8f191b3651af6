import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { Sampler } from "../../lib/data/sampler.ts";

Deno.test("Sampler.order() never changes: runs are resumed by it", () => {
  assert.deepEqual([...new Sampler({ size: 10, seed: 21 }).order(0)], ORDER);
});

Deno.test("Sampler: every sample belongs to exactly one rank, at the places all ranks agree on", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 7 }),
      fc.nat(),
      fc.nat(50),
      (size, ranks, seed, epoch) => {
        const shares = Array.from({ length: ranks }, (_, rank) => new Sampler({ size, seed, rank, ranks }));
        const all = new Sampler({ size, seed }).order(epoch);
        assert.deepEqual([...all].sort((a, b) => a - b), Array.from({ length: size }, (_, i) => i));
        for (const share of shares) {
          const order = share.order(epoch);
          assert.equal(order.length, share.count);
          order.forEach((sample, i) => assert.equal(sample, all[share.rank + i * ranks]));
        }
        assert.equal(shares.reduce((sum, share) => sum + share.count, 0), size);
      },
    ),
    { seed: 5, numRuns: 60 },
  );
});

Deno.test("Sampler: epochs and seeds give other orders, the same ones the same", () => {
  const order = (seed: number, epoch: number) => new Sampler({ size: 200, seed }).order(epoch).join();
  assert.equal(order(1, 2), order(1, 2));
  assert.equal(new Set([order(1, 2), order(1, 3), order(2, 2), order(2, 1)]).size, 4);
});

Deno.test("Sampler: every sample is as likely at every place", () => {
  const size = 8, rounds = 4000;
  const counts = new Array(size * size).fill(0);
  const sampler = new Sampler({ size, seed: 3 });
  for (let epoch = 0; epoch < rounds; epoch++) sampler.order(epoch).forEach((sample, i) => counts[i * size + sample]++);
  for (const count of counts) assert.ok(Math.abs(count - rounds / size) < 110, String(counts)); // 5 standard deviations
});

Deno.test("Sampler refuses numbers out of range", () => {
  const good = { size: 4, seed: 1 };
  for (const bad of [{ size: -1 }, { seed: 0.5 }, { seed: -1 }, { ranks: 0 }, { rank: 1 }, { rank: -1, ranks: 2 }]) {
    assert.throws(() => new Sampler({ ...good, ...bad }), { name: "InputError" });
  }
  assert.throws(() => new Sampler(good).order(-1), { name: "InputError" });
});

/** Computed once; must hold for ever. */
const ORDER = [4, 1, 5, 8, 2, 9, 3, 7, 0, 6];
