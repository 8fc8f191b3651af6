import assert from "node:assert/strict";
import { hardestErrors } from "../../../lib/eval/report/hardest_errors.ts";
import { randomAnalysis } from "./random_analysis.ts";

for (const options of [{}, { distance: "euclidean" }, { folds: 3 }, { pca: 3 }] as const) {
  Deno.test(`hardestErrors() lists what the folds tell wrong, the worst first: ${JSON.stringify(options)}`, () => {
    const analysis = randomAnalysis("lfw", 251, options);
    const { protocol: { same, distances, folds }, result, similarities } = analysis;
    const { falseAccepts, falseRejects } = hardestErrors(analysis, 5);
    assert.ok(falseAccepts.count > 5 && falseRejects.count > 5, `${falseAccepts.count}, ${falseRejects.count}`);
    assert.deepEqual([falseAccepts.of, falseRejects.of], [same.filter((one) => !one).length, result.same]);
    // as many as the accuracy says
    const wrong = folds.reduce((sum, { start, end }, f) => sum + (1 - result.folds[f].accuracy) * (end - start), 0);
    assert.ok(Math.abs(wrong - falseAccepts.count - falseRejects.count) < 1e-9);
    // and by looking at every pair: none that is not listed is worse than one that is
    for (const [{ count, hardest }, kind, worse] of [[falseAccepts, false, -1], [falseRejects, true, 1]] as const) {
      assert.equal(hardest.length, 5);
      const isWrong = (k: number) => {
        const f = folds.findIndex(({ start, end }) => start <= k && k < end);
        return same[k] === kind && (distances[k] < result.folds[f].threshold) !== kind;
      };
      const all = same.map((_, k) => k).filter(isWrong);
      assert.equal(all.length, count);
      const listed = new Set(hardest.map(({ pair }) => pair));
      assert.equal(listed.size, 5);
      for (const { pair, fold, similarity, distance, threshold } of hardest) {
        assert.ok(isWrong(pair));
        assert.ok(folds[fold].start <= pair && pair < folds[fold].end);
        assert.deepEqual(
          [similarity, distance, threshold],
          [similarities[pair], distances[pair], result.folds[fold].threshold],
        );
        for (const other of all) if (!listed.has(other)) assert.ok(worse * (distances[other] - distance) <= 0);
      }
      const order = hardest.map(({ distance }) => worse * distance);
      assert.deepEqual(order, order.toSorted((a, b) => b - a));
    }
  });
}

Deno.test("hardestErrors() lists fewer where fewer are wrong", () => {
  const analysis = randomAnalysis("lfw", 60);
  const { falseAccepts, falseRejects } = hardestErrors(analysis, 1000);
  assert.deepEqual([falseAccepts.hardest.length, falseRejects.hardest.length], [
    falseAccepts.count,
    falseRejects.count,
  ]);
  assert.deepEqual(hardestErrors(analysis, 0).falseAccepts, { ...falseAccepts, hardest: [] });
});
