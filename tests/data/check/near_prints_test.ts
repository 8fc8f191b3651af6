import assert from "node:assert/strict";
import { PRINT_WORDS } from "../../../lib/data/check/image_print.ts";
import { bitsApart, findNearPrints, NEAR_BITS } from "../../../lib/data/check/near_prints.ts";
import { Random } from "../../../lib/data/random.ts";

/** Random prints, many of them an earlier one with up to twelve bits turned. */
function randomPrints(size: number, random: Random): Uint32Array {
  const prints = Uint32Array.from({ length: size * PRINT_WORDS }, () => random.next());
  for (let row = 1; row < size; row++) {
    if (random.chance(0.4)) continue;
    const from = random.below(row) * PRINT_WORDS;
    prints.copyWithin(row * PRINT_WORDS, from, from + PRINT_WORDS);
    for (let turned = random.below(13); turned > 0; turned--) {
      const bit = random.below(32 * PRINT_WORDS);
      prints[row * PRINT_WORDS + (bit >>> 5)] ^= 1 << (bit & 31);
    }
  }
  return prints;
}

async function near(prints: Uint32Array, rows: Uint32Array, newFrom?: number): Promise<string[]> {
  const found: string[] = [];
  await findNearPrints(prints, rows, { newFrom, onPair: (...pair) => found.push(pair.join()) });
  return found.sort();
}

Deno.test("bitsApart() counts the bits that differ", () => {
  const prints = Uint32Array.of(0, 0, 0, 0, 1, 0x80000000, 0xffffffff, 0b101);
  assert.equal(bitsApart(prints, 0, 1), 1 + 1 + 32 + 2);
  assert.equal(bitsApart(prints, 1, 1), 0);
});

Deno.test("findNearPrints() finds what comparing all with all finds, each pair once", async () => {
  for (const seed of [1, 2, 3]) {
    const random = new Random(seed), size = 700;
    const prints = randomPrints(size, random);
    const rows = Uint32Array.from({ length: size }, (_, i) => i).filter(() => random.chance(0.9));
    for (const newFrom of [undefined, 500]) {
      const expected: string[] = [];
      for (const b of rows) {
        for (const a of rows) {
          const bits = bitsApart(prints, a, b);
          if (a < b && a < (newFrom ?? size) && bits <= NEAR_BITS) expected.push([a, b, bits].join());
        }
      }
      assert.ok(expected.length > 200 && new Set(expected.map((pair) => pair.split(",")[2])).size === NEAR_BITS + 1);
      assert.deepEqual(await near(prints, rows, newFrom), expected.sort());
    }
  }
});

Deno.test("findNearPrints() finds bits turned one in each band but one", async () => {
  for (let whole = 0; whole < 2 * PRINT_WORDS; whole++) {
    const prints = new Uint32Array(2 * PRINT_WORDS);
    for (let band = 0; band < 2 * PRINT_WORDS; band++) {
      if (band !== whole) prints[PRINT_WORDS + (band >>> 1)] |= 1 << (16 * (band & 1) + band);
    }
    assert.deepEqual(await near(prints, Uint32Array.of(0, 1)), ["0,1,7"]);
  }
});

Deno.test("findNearPrints() stops when asked", async () => {
  // all alike: more comparisons than between two looks at the signal
  const size = 7000;
  const prints = new Uint32Array(size * PRINT_WORDS);
  const stop = new AbortController();
  let last = 0;
  const work = findNearPrints(prints, Uint32Array.from({ length: size }, (_, i) => i), {
    ...{ onPair: () => {}, signal: stop.signal },
    onProgress: (done, total) => {
      assert.ok(done >= last && done < total);
      last = done;
      stop.abort(new Error("enough"));
    },
  });
  await assert.rejects(work, /enough/);
});
