import assert from "node:assert/strict";
import { fill, hash32, unit } from "../../../tools/golden/fill.ts";

Deno.test("hash32(), unit() and fill() make the numbers of the golden files' description", () => {
  // computed once from the description with whole numbers of any size
  assert.equal(hash32(0), 0);
  assert.equal(hash32(1), 1753845952);
  assert.equal(hash32(21), 1230861936);
  assert.equal(hash32(4294967295), 1734902346);
  assert.equal(unit(0, 0), 0.0);
  assert.equal(unit(7, 3), 0.21347200335003436);
  assert.equal(unit(8300, 4294967280), 0.6781778156291693);
  assert.deepEqual([...fill(8300, 3)], [0.9433269500732422, 0.45684415102005005, -0.970475435256958]);
});

Deno.test("fill() is unit(), scaled and rounded to float32", () => {
  const values = fill(9, [2, 3], -0.5, 2);
  assert.equal(values.length, 6);
  values.forEach((value, i) => assert.equal(value, Math.fround(-0.5 + 2.5 * unit(9, i))));
});
