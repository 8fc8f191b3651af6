import assert from "node:assert/strict";
import { ClassStatistics } from "../../lib/eval/class_statistics.ts";
import { fill, unit } from "../../tools/golden/fill.ts";

Deno.test("ClassStatistics has each class's mean, spread and mean direction, as two passes find them", () => {
  const [count, dim, classes] = [200, 8, 5];
  const rows = fill(3, count * dim, -1, 3);
  const labels = Array.from({ length: count }, (_, i) => Math.floor(unit(4, i) * (classes - 1))); // the last has none
  const sums = new ClassStatistics(classes, dim);
  labels.forEach((label, i) => sums.add(label, rows.subarray(i * dim, (i + 1) * dim)));
  const found = sums.finish();
  for (let c = 0; c < classes; c++) {
    const own = labels.flatMap((label, i) => label === c ? [rows.subarray(i * dim, (i + 1) * dim)] : []);
    assert.equal(found.counts[c], own.length);
    for (let d = 0; d < dim; d++) {
      const mean = (values: number[]) => values.length === 0 ? 0 : values.reduce((a, b) => a + b) / values.length;
      const average = mean(own.map((row) => row[d]));
      const spread = Math.sqrt(mean(own.map((row) => (row[d] - average) ** 2)));
      const direction = mean(own.map((row) => row[d] / Math.hypot(...row)));
      const at = c * dim + d;
      for (
        const [a, b] of [[found.means[at], average], [found.deviations[at], spread], [found.directions[at], direction]]
      ) assert.ok(Math.abs(a - b) < 1e-6, `${c} ${d}: ${a} ${b}`);
    }
  }
});

Deno.test("ClassStatistics refuses embeddings without direction, by name", () => {
  const sums = new ClassStatistics(2, 2);
  for (const embedding of [[0, 0], [NaN, 1], [Infinity, 1]]) {
    assert.throws(() => sums.add(1, embedding, "key 17 of set"), {
      name: "InputError",
      message: /direction for key 17 of set, found length/,
    });
  }
});
