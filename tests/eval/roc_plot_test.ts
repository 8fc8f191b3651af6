import assert from "node:assert/strict";
import { rocCurve } from "../../lib/eval/roc.ts";
import { rocPlot, rocPoints } from "../../lib/eval/roc_plot.ts";
import { unit } from "../../tools/golden/fill.ts";

const same = Array.from({ length: 5000 }, (_, i) => i % 5 === 0);
const curve = rocCurve(same.map((own, i) => unit(3, i) + (own ? 0.5 : 0)), same);

Deno.test("rocPoints() has at each rate the last point that is not beyond it", () => {
  const points = rocPoints(curve, 1e-3);
  assert.equal(points.length, 181);
  for (const [fpr, tpr] of points) {
    let best = 0;
    for (let i = 0; i < curve.thresholds.length; i++) {
      if (curve.falsePositives[i] <= fpr * curve.negatives) best = curve.truePositives[i] / curve.positives;
    }
    assert.equal(tpr, best);
  }
  assert.deepEqual(points.at(-1), [1, 1]);
});

Deno.test("rocPlot() is an SVG with a line, a legend and ticks; names are escaped", () => {
  const svg = rocPlot([{ name: "a <b>", points: rocPoints(curve, 1e-3) }, {
    name: "two",
    points: [[1e-3, 0.2], [1, 1]],
  }], {
    title: "R & D",
    least: 1e-3,
  });
  for (
    const text of ["a &lt;b&gt;", ">two<", "R &amp; D", ">1e-3<", ">1<", ">20 %<", ">100 %<", "false positive rate"]
  ) {
    assert.ok(svg.includes(text), text);
  }
  assert.doesNotMatch(svg, /NaN|<b>/);
  // from the lower left to the upper right of the axes
  const [, left, bottom, right, top] = /<path d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" fill="none" stroke="#d55e00"/
    .exec(svg)!
    .map(Number);
  const [, axisLeft, axisTop, axisBottom, axisRight] = /<path d="M([\d.]+) ([\d.]+)V([\d.]+)H([\d.]+)" fill="none"/
    .exec(svg)!
    .map(Number);
  assert.deepEqual([left, bottom, right, top], [axisLeft, axisBottom, axisRight, axisTop]);
});
