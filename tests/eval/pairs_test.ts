import assert from "node:assert/strict";
import { evaluatePairs } from "../../lib/eval/pairs.ts";
import { fill, unit } from "../../tools/golden/fill.ts";
import { checkPairs } from "../../tools/golden/check_pairs.ts";

const golden = JSON.parse(Deno.readTextFileSync(new URL("../golden/pair_protocol.json", import.meta.url)));

Deno.test("evaluatePairs() computes the golden numbers", () => {
  const rows = checkPairs(golden);
  assert.ok(rows.length >= golden.cases.length * 16);
  assert.deepEqual(rows.filter((row) => !row.ok), []);
});

Deno.test("checkPairs() sees a wrong number", () => {
  for (const key of Object.keys(golden.cases[0].cosine)) {
    const changed = structuredClone(golden);
    if (key === "accuracy_folds") changed.cases[0].cosine[key][3] += 1e-6;
    else changed.cases[0].cosine[key] += 1e-3;
    assert.equal(checkPairs(changed).filter((row) => !row.ok).length, 1, key);
  }
});

/** Pairs at chosen angles, in turns (1 is opposite): the first at 0, the second at the angle. */
function atAngles(angles: number[]): Float64Array {
  return Float64Array.from(angles.flatMap((angle) => [1, 0, Math.cos(angle * Math.PI), Math.sin(angle * Math.PI)]));
}

Deno.test("evaluatePairs() picks each fold's threshold on the others", () => {
  // fold 0: same 0.105, other 0.505; fold 1: same 0.305, other 0.205
  const rows = atAngles([0.105, 0.505, 0.305, 0.205]);
  const same = [true, false, true, false];
  const { folds, accuracy, accuracyStd } = evaluatePairs(rows, same, { folds: 2 });
  // Fold 0 uses fold 1's threshold. There, accepting none and accepting both are right once; 0 comes first.
  assert.deepEqual(folds.map((fold) => fold.threshold), [0, 0.11]);
  assert.deepEqual(folds.map((fold) => fold.accuracy), [0.5, 0.5]); // fold 1: nothing is below 0.11, one of two is right
  assert.equal(accuracy, 0.5);
  assert.equal(accuracyStd, 0);
});

Deno.test("evaluatePairs() makes the first folds longer and counts a distance at the threshold as different", () => {
  const angles = Array.from({ length: 7 }, (_, k) => k % 2 === 0 ? 0.1 : 0.5);
  const same = angles.map((angle) => angle === 0.1);
  const { folds, curve } = evaluatePairs(atAngles(angles), same, { folds: 3 });
  assert.deepEqual(folds.map((fold) => fold.accuracy), [1, 1, 1]);
  // squared L2 of right angles is 2: thresholds from 2.01 on accept it
  assert.equal(curve.thresholds.length, 400);
  const { curve: squared } = evaluatePairs(atAngles(angles), same, { folds: 3, distance: "euclidean" });
  assert.equal(squared.fpr.findIndex((rate) => rate === 1) >= 200, true);
  assert.equal(squared.tpr.at(-1), 1);
});

Deno.test("evaluatePairs() does not mind lengths of embeddings", () => {
  const dim = 16;
  const rows = Float64Array.from(fill(5, 200 * dim));
  const same = Array.from({ length: 100 }, (_, k) => unit(6, k) < 0.5);
  const scaled = rows.map((value, i) => value * (1 + Math.floor(i / dim) % 7));
  const [a, b] = [rows, scaled].map((values) => evaluatePairs(values, same));
  assert.deepEqual(a.folds, b.folds);
  assert.ok(Math.abs(a.auc - b.auc) < 1e-12);
});

Deno.test("evaluatePairs() of perfect and of reversed embeddings", () => {
  const same = Array.from({ length: 40 }, (_, k) => k % 2 === 0);
  const perfect = evaluatePairs(atAngles(same.map((own) => own ? 0.05 : 0.45)), same);
  assert.deepEqual(
    [perfect.accuracy, perfect.val, perfect.far, perfect.auc, perfect.eer, perfect.bestThresholdAccuracy],
    [1, 1, 0, 1, 0, 1],
  );
  assert.ok(Math.abs(perfect.bestThreshold - 0.25) < 1e-9);
  const reversed = evaluatePairs(atAngles(same.map((own) => own ? 0.45 : 0.05)), same);
  assert.deepEqual([reversed.auc, reversed.eer, reversed.val], [0, 1, 0]);
});

Deno.test("folds with pairs of one kind do not disturb VAL and FAR", () => {
  const same = Array.from({ length: 40 }, (_, k) => k < 20); // every fold has one kind only
  const { val, far, folds, accuracy } = evaluatePairs(atAngles(same.map((own) => own ? 0.05 : 0.45)), same);
  assert.deepEqual([val, far, accuracy], [1, 0, 1]);
  assert.deepEqual([folds[0].far, folds[9].val], [undefined, undefined]);
});

Deno.test("evaluatePairs() says what does not fit", () => {
  const same = Array.from({ length: 20 }, (_, k) => k % 2 === 0);
  const rows = fill(1, 40 * 4);
  const broken = rows.slice();
  broken[9] = NaN;
  const empty = rows.slice();
  empty.fill(0, 12, 16);
  const cases: [() => unknown, RegExp][] = [
    [() => evaluatePairs(rows.subarray(1), same), /two embeddings for each of 20 pairs, found 159 numbers/],
    [() => evaluatePairs(new Float32Array(0), same), /found 0 numbers/],
    [() => evaluatePairs(broken, same), /not finite in row 2;/],
    [() => evaluatePairs(empty, same), /only zeros in row 3;/],
    [() => evaluatePairs(rows, same.map(() => true)), /found 20 and 0/],
    [() => evaluatePairs(rows.subarray(0, 32), same.slice(0, 4)), /at least 10 pairs for 10 folds, found 4/],
    [() => evaluatePairs(rows, same, { folds: 1 }), /at least 2 folds, found 1/],
    [() => evaluatePairs(rows, same, { farTarget: 2 }), /between 0 and 1, found 2/],
    [() => evaluatePairs(rows, same, { distance: "l1" as "cosine" }), /cosine or euclidean, found l1/],
  ];
  for (const [run, message] of cases) {
    assert.throws(run, { name: "InputError", message });
    assert.throws(run, { message: /^Cannot evaluate pairs: [^\n]+; [^\n]+$/ });
  }
});

Deno.test("evaluatePairs() takes 6000 pairs of 512 numbers in well under a second", () => {
  const rows = fill(3, 12_000 * 512);
  const same = Array.from({ length: 6000 }, (_, k) => Math.floor(k / 300) % 2 === 0);
  const start = performance.now();
  evaluatePairs(rows, same);
  assert.ok(performance.now() - start < 1000); // 20 to 80 ms on one core; the bound allows for a busy machine
});
