import assert from "node:assert/strict";
import type { TensorData } from "../../lib/model/safetensors.ts";
import { asTensorData } from "../../lib/model/model_file.ts";
import { classHardness, nearestClasses } from "../../lib/train/class_hardness.ts";
import { classReport, classReportCsv, classReportHtml } from "../../lib/train/class_report.ts";

const DIALS = { margin: 0.4, mM: 0.2, constantT: false };

function checkpoint(
  weight: number[],
  center: number[] | undefined,
  t: number,
  dim = 2,
): { path: string; tensors: Map<string, TensorData> } {
  const shape = [weight.length / dim, dim];
  return {
    path: "run/checkpoint.safetensors",
    tensors: asTensorData(
      new Map([
        ["head.weight", { shape, data: Float32Array.from(weight) }],
        ...center === undefined ? [] : [["head.center", { shape, data: Float32Array.from(center) }] as const],
        ["head.t", { shape: [], data: Float32Array.of(t) }],
      ]),
    ),
  };
}

// weights along x, y, between them; centers agree, at right angles, in between
const file = (t: number) => checkpoint([2, 0, 0, 3, 1, 1], [5, 0, 1, 0, 1, 0], t);

Deno.test("classHardness() has the head's bias and margins", () => {
  const { rows, t } = classHardness(file(0.5), DIALS);
  assert.equal(t, 0.5);
  const bias = [0, 1, 1 - Math.SQRT1_2];
  rows.forEach((row, i) => assert.ok(Math.abs(row.bias - bias[i]) < 1e-7));
  rows.forEach((row, i) => assert.ok(Math.abs(row.margin - (0.4 + bias[i] * 0.5 * 0.2)) < 1e-7));
  assert.ok(classHardness(file(-0.3), DIALS).rows.every(({ margin }) => margin === 0.4));
  const constant = classHardness(file(-0.3), { ...DIALS, constantT: true });
  assert.ok(Math.abs(constant.rows[1].margin - 0.6) < 1e-7);
  const moved = classHardness(file(1), DIALS, Float32Array.of(0, 1, 0, 1, 1, 1));
  assert.ok(Math.abs(moved.rows[0].bias - 1) < 1e-7 && Math.abs(moved.rows[2].bias) < 1e-7);
});

Deno.test("nearestClasses() are by the cosine of weights, the nearest first", () => {
  const hardness = classHardness(
    checkpoint([1, 0, 3, 0.3, 0, 1, -1, 0], undefined, 1),
    DIALS,
    new Float32Array(8).fill(1),
  );
  assert.deepEqual(nearestClasses(hardness, 0, 2).map(({ label }) => label), [1, 2]);
  assert.deepEqual(nearestClasses(hardness, 3, 9).map(({ label }) => label), [2, 1, 0]);
  assert.ok(Math.abs(nearestClasses(hardness, 0, 1)[0].cosine - 1 / Math.hypot(1, 0.1)) < 1e-6);
});

Deno.test("classHardness() says what a checkpoint lacks", () => {
  const refuse = (run: () => unknown, message: RegExp) => assert.throws(run, { name: "InputError", message });
  refuse(
    () => classHardness({ path: "x", tensors: new Map() }, DIALS),
    /of x: expected class weights \(head\.weight\), found none/,
  );
  refuse(() => classHardness(checkpoint([1, 0], undefined, 0), DIALS), /expected class centers, found none/);
  refuse(
    () => classHardness(file(1), DIALS, new Float32Array(4)),
    /centers of 3 classes of 2 numbers, found 4 numbers/,
  );
  refuse(() => classHardness(checkpoint([1, NaN], [1, 0], 0), DIALS), /finite weights and centers/);
});

Deno.test("the report begins with the most bias; names cannot become formulas or markup", () => {
  const rows = classReport(classHardness(file(0.5), DIALS), {
    counts: [3, 0, 8],
    names: ["ann", "=cmd()", `<b>"bob", jr</b>`],
    nearest: 1,
    top: 2,
  });
  assert.deepEqual(rows.map(({ label, count, nearest }) => [label, count, nearest.length]), [[1, 0, 1], [2, 8, 1], [
    0,
    3,
    0,
  ]]);
  const csv = classReportCsv(rows).split("\n");
  assert.equal(csv[0], "class,name,images,bias,margin,nearest_1,cosine_1");
  assert.equal(csv[1], "1,'=cmd(),0,1.000000,0.500000,2,0.707107");
  assert.match(csv[2], /^2,"<b>""bob"", jr<\/b>",8,0\.292893,/);
  assert.match(csv[3], /^0,ann,3,0\.000000,0\.400000,,$/);
  const html = classReportHtml(rows, { source: "a <run>", t: 0.5 }, 2);
  assert.match(html, /a &lt;run&gt;/);
  assert.match(html, /&lt;b&gt;&quot;bob&quot;, jr/);
  assert.doesNotMatch(html, />0 \(ann\)<|<script|https?:/);
});
