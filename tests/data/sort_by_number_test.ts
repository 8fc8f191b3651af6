import assert from "node:assert/strict";
import { Random } from "../../lib/data/random.ts";
import { sortByNumber } from "../../lib/data/sort_by_number.ts";

Deno.test("sortByNumber() sorts as Array.sort() does, equal numbers in their order, and leaves the rows as they are", () => {
  const random = new Random(4);
  const numbers = Array.from({ length: 3000 }, (_, i) => i % 3 === 0 ? random.next() : random.below(50) * 65_536);
  const rows = Uint32Array.from({ length: 2000 }, () => random.below(3000));
  const before = rows.slice();
  const expected = [...rows].sort((a, b) => numbers[a] - numbers[b]);
  assert.deepEqual([...sortByNumber(rows, (row) => numbers[row])], expected);
  assert.deepEqual(rows, before);
  assert.equal(sortByNumber(new Uint32Array(0), () => 0).length, 0);
});
