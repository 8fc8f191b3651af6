import assert from "node:assert/strict";
import { histogramPlot, similarityHistogram } from "../../../lib/eval/report/similarity_histogram.ts";
import { unit } from "../../../tools/golden/fill.ts";

Deno.test("similarityHistogram() counts every pair in the bin that holds it, with round edges", () => {
  for (const [least, most] of [[-1, 1], [0.31, 0.77], [0.9991, 0.99934], [0.5, 0.5 + 3e-5]]) {
    const values = Float64Array.from({ length: 500 }, (_, k) => least + (most - least) * unit(4, k));
    values[0] = least;
    values[1] = most;
    const kinds = Array.from(values, (_, k) => unit(5, k) < 0.3);
    const { edges, same, different } = similarityHistogram(values, kinds);
    assert.ok(same.length >= 20 && same.length <= 60, `${same.length} bins of ${least} to ${most}`);
    assert.equal(edges.length, same.length + 1);
    const step = edges[1] - edges[0];
    const slack = 1e-8;
    edges.forEach((edge, i) => assert.ok(Math.abs(edge - edges[0] - i * step) < 1e-9));
    const digits = Number(step.toPrecision(1));
    assert.ok(
      Math.abs(step - digits) < 1e-6 * step && [1, 2, 5].includes(Number(digits.toExponential().split("e")[0])),
    );
    for (const [counts, kind] of [[same, true], [different, false]] as const) {
      assert.equal(counts.reduce((a, b) => a + b, 0), kinds.filter((one) => one === kind).length);
      counts.forEach((count, i) => {
        const inside = (low: number, high: number) =>
          values.filter((value, k) => kinds[k] === kind && value >= low && value < high).length;
        assert.ok(count >= inside(edges[i] + slack, edges[i + 1] - slack));
        assert.ok(count <= inside(edges[i] - slack, edges[i + 1] + slack));
      });
    }
  }
});

Deno.test("similarityHistogram() has a bin where all are alike", () => {
  const { edges, same, different } = similarityHistogram([1, 1, 1], [true, true, false]);
  assert.deepEqual([same, different], [[2], [1]]);
  assert.ok(edges[0] <= 1 && edges[1] > 1);
  assert.doesNotMatch(histogramPlot({ edges, same, different }), /NaN|Infinity/);
});

Deno.test("histogramPlot() shows shares of each kind, and a mark beyond the bins", () => {
  const histogram = { edges: [0, 0.1, 0.2], same: [1, 3], different: [8, 0] };
  const svg = histogramPlot(histogram, { title: "a <set>", mark: { similarity: 0.4, name: "at 0.4" } });
  for (const text of ["a &lt;set&gt;", ">one person<", ">two people<", ">at 0.4<", ">100<", ">0.4<"]) {
    assert.ok(svg.includes(text), text);
  }
  // 25 % of one person and 100 % of two in the first bin: heights are as 1 to 4
  const heights = ["#0072b2", "#d55e00"].map((colour) => {
    const points = new RegExp(`<path d="M([^"]+)" fill="none" stroke="${colour}"`).exec(svg)![1].split("L");
    const ys = points.map((point) => Number(point.split(" ")[1]));
    return ys[0] - ys[1];
  });
  assert.ok(Math.abs(heights[1] / heights[0] - 4) < 0.01, `${heights}`);
});
