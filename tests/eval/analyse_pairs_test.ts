import assert from "node:assert/strict";
import { analysePairs, type PairAnalysis } from "../../lib/eval/analyse_pairs.ts";
import {
  analysisJsonLines,
  analysisRows,
  comparisonTable,
  deployTable,
  intervalTable,
} from "../../lib/eval/analysis_tables.ts";
import { compareModels, toldRight } from "../../lib/eval/compare_models.ts";
import { deployThresholds } from "../../lib/eval/deploy_threshold.ts";
import { bootstrapPairs, pairWeights, percentileInterval } from "../../lib/eval/pair_bootstrap.ts";
import { evaluatePairs } from "../../lib/eval/pairs.ts";
import { fill, unit } from "../../tools/golden/fill.ts";

/** Embeddings of pairs: the second is the first and noise, or another's. */
function rowsOf(seed: number, same: readonly boolean[], noise: number, dim = 16): Float32Array {
  const [first, other, jitter] = [0, 1, 2].map((more) => fill(seed + more, same.length * dim));
  return Float32Array.from({ length: 2 * same.length * dim }, (_, at) => {
    const k = Math.floor(at / (2 * dim)), d = at % dim, i = k * dim + d;
    if (Math.floor(at / dim) % 2 === 0) return first[i];
    return same[k] ? first[i] + noise * jitter[i] : other[i];
  });
}

const same = Array.from({ length: 600 }, (_, k) => unit(70, k) < 0.5);
const set = { name: "lfw", path: "sets/lfw.bin", same };
const OPTIONS = { resamples: 400 };
const noisy = analysePairs(set, rowsOf(100, same, 2.2), OPTIONS);
const better = analysePairs(set, rowsOf(100, same, 1.2), OPTIONS);

Deno.test("analysePairs() has the protocol's figures, and intervals around them that the seed fixes", () => {
  const rows = rowsOf(100, same, 2.2);
  assert.deepEqual(noisy.result, evaluatePairs(rows, same));
  for (const figure of ["accuracy", "auc", "eer"] as const) {
    const [low, high] = noisy.intervals[figure];
    assert.ok(low < noisy.result[figure] && noisy.result[figure] < high, figure);
  }
  // about that of 600 independent trials
  const [low, high] = noisy.intervals.accuracy;
  const { accuracy } = noisy.result;
  const spread = 2 * 1.96 * Math.sqrt(accuracy * (1 - accuracy) / 600);
  assert.ok(high - low > 0.7 * spread && high - low < 1.4 * spread, `${high - low} ${spread}`);
  assert.deepEqual(analysePairs(set, rows, OPTIONS).draws, noisy.draws);
  assert.notDeepEqual(analysePairs(set, rows, { ...OPTIONS, seed: 22 }).draws, noisy.draws);
  assert.notDeepEqual(analysePairs({ ...set, name: "cfp_fp" }, rows, OPTIONS).draws, noisy.draws);
  for (let k = 0; k < 600; k++) {
    assert.ok(Math.abs(Math.cos(Math.PI * noisy.protocol.distances[k]) - noisy.similarities[k]) < 1e-12);
  }
});

Deno.test("a resample's figures are those of the protocol on the pairs that were drawn", () => {
  const { protocol } = noisy;
  const rows = rowsOf(100, same, 2.2);
  const draws = bootstrapPairs(protocol, { resamples: 5, seed: 3 });
  let r = 0;
  for (const weights of pairWeights(protocol, { resamples: 5, seed: 3 })) {
    const drawn = [...weights].flatMap((times, k) => Array.from({ length: times }, () => k));
    assert.equal(drawn.length, 600);
    const again = evaluatePairs(
      Float32Array.from(drawn.flatMap((k) => [...rows.subarray(32 * k, 32 * (k + 1))])),
      drawn.map((k) => same[k]),
    );
    for (const figure of ["accuracy", "val", "auc", "eer"] as const) {
      assert.ok(Math.abs(draws[figure][r] - again[figure]) < 1e-12, `${figure} ${draws[figure][r]} ${again[figure]}`);
    }
    r++;
  }
  assert.equal(r, 5);
});

Deno.test("percentileInterval() cuts off the tails", () => {
  assert.deepEqual(percentileInterval(Array.from({ length: 101 }, (_, i) => 100 - i), 0.5), [25, 75]);
  assert.deepEqual(percentileInterval([7]), [7, 7]);
});

Deno.test("analysePairs() of embeddings that are not finite names set and row", () => {
  const rows = rowsOf(100, same, 1);
  rows[16 * 7 + 3] = NaN;
  assert.throws(() => analysePairs(set, rows), { name: "InputError", message: /not finite in row 7;/ });
});

Deno.test("compareModels() sees a difference that is there, and none between a model and itself", () => {
  const [row] = compareModels([better], [noisy]);
  assert.equal(row.difference, better.result.accuracy - noisy.result.accuracy);
  assert.ok(row.difference > 0.05 && row.interval[0] > 0 && row.bootstrapP < 0.01 && row.mcNemar.exact < 0.001);
  const [right, other] = [better, noisy].map(toldRight);
  assert.equal(row.onlyFirst, right.filter((one, k) => one && !other[k]).length);
  assert.equal(row.onlyOther, right.filter((one, k) => !one && other[k]).length);
  assert.ok(Math.abs(right.reduce((a, b) => a + b) / 600 - better.result.accuracy) < 1e-12);
  const [itself] = compareModels([noisy], [noisy]);
  assert.deepEqual(
    [itself.difference, itself.interval, itself.bootstrapP, itself.mcNemar],
    [0, [0, 0], 1, { exact: 1, midP: 1 }],
  );
  assert.throws(() => compareModels([noisy], [{ ...noisy, path: "other.bin" }]), /on sets\/lfw\.bin, found other\.bin/);
});

Deno.test("compareModels() of several sets ends with all together", () => {
  const second = (noise: number): PairAnalysis =>
    analysePairs({ ...set, name: "b", path: "b.bin" }, rowsOf(7, same, noise), OPTIONS);
  const rows = compareModels([better, second(1)], [noisy, second(1)]);
  assert.deepEqual(rows.map((row) => row.set), ["lfw", "b", "mean"]);
  assert.equal(rows[2].difference, rows[0].difference / 2);
  assert.equal(rows[2].onlyFirst, rows[0].onlyFirst);
});

Deno.test("deployThresholds() accepts at most the share asked for, and counts what to expect on pairs it was not chosen on", () => {
  for (const target of [0.02, 0.1, 0.5]) {
    const [row] = deployThresholds([noisy], target, OPTIONS);
    const others = same.filter((own) => !own).length;
    const passed = noisy.similarities.filter((score, k) => !same[k] && score >= row.threshold).length;
    assert.equal(passed, Math.floor(target * others));
    assert.ok(row.thresholdInterval[0] <= row.threshold && row.threshold <= row.thresholdInterval[1]);
    assert.ok(row.resolved && row.fpr.of === others && row.tpr.of === 600 - others);
    assert.ok(row.fpr.interval[0] <= target && target <= row.fpr.interval[1], `${target} ${row.fpr.interval}`);
    assert.ok(row.tpr.interval[0] < row.tpr.rate && row.tpr.rate < row.tpr.interval[1]);
  }
  const rows = deployThresholds([noisy, better], 1e-4, OPTIONS);
  assert.deepEqual(rows.map((row) => [row.set, row.resolved]), [["lfw", false], ["lfw", false], ["all", false]]);
  assert.equal(rows[2].fpr.of, 2 * rows[0].fpr.of);
  for (const score of noisy.similarities.filter((_, k) => !same[k])) assert.ok(score < rows[0].threshold);
  for (const rate of [0, 1, NaN]) assert.throws(() => deployThresholds([noisy], rate), /rate between 0 and 1, found/);
});

Deno.test("tables and JSON lines say what the analysis found", () => {
  const comparisons = compareModels([noisy, better], [better, better]);
  const deploys = deployThresholds([noisy, better], 1e-4, OPTIONS);
  const rows = analysisRows([noisy, better], { comparisons, deploys });
  assert.deepEqual(rows.map((row) => row.set), ["lfw", "lfw", "mean"]);
  const lines = analysisJsonLines(rows).split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(lines[0].intervals.accuracy, noisy.intervals.accuracy);
  assert.equal(lines[2].comparison.set, "mean");
  assert.equal(lines[2].deploy.set, "all");
  const [low, high] = noisy.intervals.accuracy.map((value) => (100 * value).toFixed(2));
  assert.match(intervalTable(rows), new RegExp(`lfw +│ +${low} – ${high} `));
  assert.match(comparisonTable(comparisons), /mean +│ +-\d+\.\d\d │/);
  assert.match(
    deployTable(deploys),
    /too few pairs of two people to tell a rate of 0\.0001, which takes 10000: lfw \(\d+\), lfw/,
  );
  assert.doesNotMatch(deployTable(deployThresholds([noisy], 0.1, OPTIONS)), /too few/);
});
