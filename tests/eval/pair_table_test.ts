import assert from "node:assert/strict";
import { pairJsonLines, pairRows, pairTable } from "../../lib/eval/pair_table.ts";
import { evaluatePairs } from "../../lib/eval/pairs.ts";
import { fill, unit } from "../../tools/golden/fill.ts";

const same = Array.from({ length: 50 }, (_, k) => unit(1, k) < 0.5);
const results = ["lfw", "agedb_30"].map((name, i) => ({ name, result: evaluatePairs(fill(i, 100 * 8), same) }));

Deno.test("pairRows() ends with the mean of the sets", () => {
  const rows = pairRows(results);
  assert.deepEqual(rows.map((row) => row.set), ["lfw", "agedb_30", "mean"]);
  assert.equal(rows[2].accuracy, (results[0].result.accuracy + results[1].result.accuracy) / 2);
  assert.equal(rows[2].pairs, 100);
  assert.deepEqual(pairRows(results.slice(0, 1)).map((row) => row.set), ["lfw"]);
  assert.deepEqual(pairRows([]), []);
});

Deno.test("pairTable() is plain text with a line per set", () => {
  const table = pairTable(results);
  assert.ok(!table.includes("\u001b"));
  for (const { name, result } of results) {
    const line = table.split("\n").find((text) => text.includes(name))!;
    assert.ok(line.includes(`${(result.accuracy * 100).toFixed(2)} ± ${(result.accuracyStd * 100).toFixed(2)}`), line);
  }
  assert.match(table, /VAL % @FAR 0\.001/);
  assert.match(table, /mean/);
});

Deno.test("pairJsonLines() is one object per line", () => {
  const lines = pairJsonLines(results).split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 3);
  assert.equal(lines[1].auc, results[1].result.auc);
});

Deno.test("pairTable() has the untrained network's accuracies in a column of their own", () => {
  const untrained = results.map(({ name, result }) => ({ name, result: { ...result, accuracy: 0.25 } }));
  const lines = pairTable(results, { untrained }).split("\n").filter((line) => line.startsWith("│"));
  const cells = lines.map((line) => line.split("│").map((cell) => cell.trim()).slice(1, 5));
  assert.deepEqual(cells.map((row) => row[2]), ["untrained %", "25.00", "25.00", "25.00"]);
  assert.deepEqual(cells.map((row) => row[0]), ["set", "lfw", "agedb_30", "mean"]);
});
