import assert from "node:assert/strict";
import { foldDistances } from "../../lib/eval/fold_distances.ts";
import { evaluatePairs } from "../../lib/eval/pairs.ts";
import { fill, unit } from "../../tools/golden/fill.ts";

const golden = JSON.parse(Deno.readTextFileSync(new URL("../golden/peers/pair_pca.json", import.meta.url)));

/** The inputs of tools/peers/pairs.py. */
function synthetic(seed: number, pairs: number, dim: number, noise: number): { rows: Float64Array; same: boolean[] } {
  const [first, other, jitter] = [0, 1, 2].map((more) => fill(seed + more, pairs * dim));
  const same = Array.from({ length: pairs }, (_, k) => unit(seed + 3, k) < 0.5);
  const rows = new Float64Array(2 * pairs * dim);
  for (let k = 0; k < pairs; k++) {
    for (let d = 0; d < dim; d++) {
      const at = k * dim + d;
      const scale = 1 / Math.sqrt(1 + d);
      rows[2 * k * dim + d] = first[at] * scale;
      rows[(2 * k + 1) * dim + d] = (same[k] ? first[at] + noise * jitter[at] : other[at]) * scale;
    }
  }
  return { rows, same };
}

Deno.test("evaluatePairs() in principal axes fitted on the other folds computes what scikit-learn's PCA leads to", () => {
  for (const { seed, pairs, dim, noise, pca, same: count, ...expected } of golden.cases) {
    const { rows, same } = synthetic(seed, pairs, dim, noise);
    assert.equal(same.filter(Boolean).length, count);
    for (const distance of ["cosine", "euclidean"] as const) {
      const { accuracy, accuracyStd, val, far, folds } = evaluatePairs(rows, same, { distance, pca });
      const found = [accuracy, accuracyStd, val, far, ...folds.map((fold) => fold.accuracy)];
      const { accuracy: mean, std, val: rate, far: met, accuracy_folds } = expected[distance];
      [mean, std, rate, met, ...accuracy_folds].forEach((value, i) =>
        assert.ok(Math.abs(value - found[i]) < 1e-12, `${seed} ${distance} ${i}: ${value} ${found[i]}`)
      );
    }
  }
});

Deno.test("without axes all folds share their distances; in all axes a fold's depend on the others alone", () => {
  const { rows, same } = synthetic(3, 40, 6, 1);
  const plain = foldDistances(rows, same, { folds: 4 });
  assert.ok(plain.every((one) => one === plain[0]));
  const before = foldDistances(rows, same, { folds: 4, pca: 2 });
  const changed = rows.slice();
  for (let i = 0; i < 2 * 10 * 6; i++) changed[i] *= 1 + i % 5; // fold 0
  const after = foldDistances(changed, same, { folds: 4, pca: 2 });
  assert.deepEqual(after[0].cosine.subarray(10), before[0].cosine.subarray(10), "fold 0's axes come from the others");
  assert.notDeepEqual(after[1].cosine.subarray(10), before[1].cosine.subarray(10));
});

Deno.test("foldDistances() says how many axes there can be", () => {
  const { rows, same } = synthetic(3, 10, 6, 1);
  for (const pca of [0, 7, 2.5]) {
    assert.throws(() => foldDistances(rows, same, { folds: 10, pca }), {
      name: "InputError",
      message:
        `Cannot evaluate pairs: expected 1 to 6 principal axes (6 numbers per embedding), found ${pca}; give fewer`,
    });
  }
});
