import assert from "node:assert/strict";
import { scorePairs, TemplatePool } from "../../lib/eval/templates.ts";
import { checkIjb } from "../../tools/golden/check_ijb.ts";

const golden = JSON.parse(Deno.readTextFileSync(new URL("../golden/ijb_protocol.json", import.meta.url)));

Deno.test("templates and the ROC compute the golden numbers", () => {
  const rows = checkIjb(golden);
  assert.equal(rows.length, 5 + Object.keys(golden.tpr_at_fpr).length);
  assert.deepEqual(rows.filter((row) => !row.ok), []);
});

Deno.test("checkIjb() sees a wrong number", () => {
  for (const key of ["score_sum", "positives", "auc"]) {
    assert.equal(
      checkIjb({ ...golden, [key]: golden[key] + 1e-3 * (key === "score_sum" ? 1000 : 1) }).filter((row) => !row.ok)
        .length,
      1,
      key,
    );
  }
});

Deno.test("TemplatePool weighs medias, not images, and takes them in any order", () => {
  // template 5: media 1 has (2, 0) and (0, 0), media 2 has (0, 3); means (1, 0) + (0, 3)
  const lists = { templates: [5, 9, 5, 5], media: [1, 1, 2, 1] };
  const features = [[2, 0], [0, 7], [0, 3], [0, 0]];
  for (const order of [[0, 1, 2, 3], [3, 1, 0, 2]]) {
    const pool = new TemplatePool(lists, 2);
    for (const i of order) pool.add(i, features[i]);
    const pooled = pool.finish();
    assert.deepEqual([...pooled.ids], [5, 9]);
    assert.deepEqual([...pooled.features], [1 / Math.sqrt(10), 3 / Math.sqrt(10), 0, 1]);
    assert.deepEqual([...scorePairs(pooled, [9, 5], [9, 9])], [1, 3 / Math.sqrt(10)]);
  }
});

Deno.test("TemplatePool and scorePairs() say what does not fit", () => {
  const pool = () => new TemplatePool({ templates: [1, 2], media: [1, 1] }, 2);
  const full = pool();
  full.add(0, [1, 0]);
  full.add(1, [0, 1]);
  const cases: [() => unknown, RegExp][] = [
    [() => new TemplatePool({ templates: [], media: [] }, 2), /found 0 and 0/],
    [() => new TemplatePool({ templates: [1], media: [] }, 2), /found 1 and 0/],
    [() => new TemplatePool({ templates: [1, NaN], media: [1, 1] }, 2), /found NaN for image/],
    [() => pool().add(0, [1]), /2 numbers for image 0, found 1/],
    [() => pool().add(0, [1, NaN]), /finite numbers for image 0, found NaN/],
    [() => pool().finish(), /2 missing, the first is image 0/],
    [() => scorePairs(full.finish(), [1], [3]), /found 3 in pair 0/],
    [() => scorePairs(full.finish(), [1], []), /found 1 and 0/],
  ];
  for (const [run, message] of cases) assert.throws(run, { name: "InputError", message });
  assert.throws(() => full.add(0, [1, 0]), RangeError);
  assert.throws(() => full.add(2, [1, 0]), RangeError);
});
