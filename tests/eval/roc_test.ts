import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { areaUnderCurve, equalErrorRate, rocCurve, tprAtFpr } from "../../lib/eval/roc.ts";

Deno.test("rocCurve() has one point per distinct score", () => {
  const curve = rocCurve([0.9, 0.5, 0.5, 0.5, 0.1], [true, true, false, true, false]);
  assert.deepEqual([...curve.thresholds], [Infinity, 0.9, 0.5, 0.1]);
  assert.deepEqual([...curve.truePositives], [0, 1, 3, 3]);
  assert.deepEqual([...curve.falsePositives], [0, 0, 1, 2]);
  // trapezoids: from 1/3 up to 1 over the first half, 1 over the second
  assert.ok(Math.abs(areaUnderCurve(curve) - 5 / 6) < 1e-15);
});

Deno.test("areaUnderCurve() is the share of pairs of pairs in order, ties counting half", () => {
  const scores = fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.boolean()), { minLength: 2, maxLength: 60 });
  fc.assert(
    fc.property(scores, (pairs) => {
      const own = pairs.filter(([, same]) => same);
      const other = pairs.filter(([, same]) => !same);
      fc.pre(own.length > 0 && other.length > 0);
      let ordered = 0;
      for (const [a] of own) for (const [b] of other) ordered += a > b ? 1 : a === b ? 0.5 : 0;
      const curve = rocCurve(pairs.map(([score]) => score), pairs.map(([, same]) => same));
      assert.ok(Math.abs(areaUnderCurve(curve) - ordered / own.length / other.length) < 1e-12);
      const eer = equalErrorRate(curve);
      assert.ok(eer >= 0 && eer <= 1);
      assert.deepEqual([curve.truePositives.at(-1), curve.falsePositives.at(-1)], [own.length, other.length]);
    }),
    { seed: 21, numRuns: 500 },
  );
});

Deno.test("equalErrorRate() by hand", () => {
  const eer = (scores: number[], same: boolean[]) => equalErrorRate(rocCurve(scores, same));
  assert.equal(eer([4, 3, 2, 1], [true, true, false, false]), 0);
  assert.equal(eer([4, 3, 2, 1], [false, false, true, true]), 1);
  assert.equal(eer([4, 3, 2, 1], [true, false, true, false]), 0.5);
  assert.equal(eer([1, 1, 1, 1], [true, false, true, false]), 0.5);
});

Deno.test("tprAtFpr() takes the nearest point, of equals the larger true positive rate", () => {
  // accepted in turn: + + - + - - +
  const curve = rocCurve([7, 6, 5, 4, 3, 2, 1], [true, true, false, true, false, false, true]);
  assert.deepEqual(tprAtFpr(curve, 0), { tpr: 0.5, fpr: 0, threshold: 6 });
  assert.deepEqual(tprAtFpr(curve, 0.3), { tpr: 0.75, fpr: 1 / 3, threshold: 4 });
  assert.deepEqual(tprAtFpr(curve, 0.66), { tpr: 0.75, fpr: 2 / 3, threshold: 3 });
  // without the points inside straight lines 2/3 is gone, and 1 is as near as 1/3 is
  assert.deepEqual(tprAtFpr(curve, 0.7, { corners: true }), { tpr: 1, fpr: 1, threshold: 1 });
  assert.deepEqual(tprAtFpr(curve, 1), { tpr: 1, fpr: 1, threshold: 1 });
});

Deno.test("rocCurve() says what does not fit", () => {
  assert.throws(() => rocCurve([1], [true, false]), { name: "InputError", message: /1 scores and 2 labels/ });
  assert.throws(() => rocCurve([1, 2], [true, true]), { name: "InputError", message: /found 2 and 0/ });
  assert.throws(() => rocCurve([1, NaN], [true, false]), { name: "InputError", message: /NaN as score 1/ });
});
