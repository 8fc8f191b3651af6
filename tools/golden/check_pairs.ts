import { evaluatePairs, type PairDistance } from "../../lib/eval/pairs.ts";
import { fill, unit } from "./fill.ts";
import { type ParityRow, parityRow } from "./parity_row.ts";

/** A case of `pair_protocol.json`. */
interface PairCase {
  pairs: number;
  dim: number;
  noise: number;
  same: number;
  seeds: { first: number; other: number; jitter: number; same_if_unit_below_half: number };
  cosine: PairNumbers;
  euclidean: PairNumbers;
}

interface PairNumbers {
  accuracy_folds: number[];
  accuracy_mean: number;
  accuracy_std: number;
  tpr_sum: number;
  fpr_sum: number;
  val: number;
  val_std: number;
  far: number;
}

/** Both sides compute in float64: only the order of sums differs. */
const BOUND = 1e-9;

/** Compares the pair protocol with a golden file (`pair_protocol.json`, from any seed and of any size), a row per quantity. */
export function checkPairs(golden: unknown): ParityRow[] {
  return (golden as { cases: PairCase[] }).cases.flatMap((example) => {
    const { rows, same } = build(example);
    const name = `pairs ${example.pairs}x${example.dim}`;
    const distances: PairDistance[] = ["cosine", "euclidean"];
    return [
      parityRow(`${name} same`, Math.abs(same.filter(Boolean).length - example.same), 0),
      ...distances.flatMap((distance) => {
        const expected = example[distance];
        const found = evaluatePairs(rows, same, { distance, folds: expected.accuracy_folds.length });
        const sum = (values: Float64Array) => values.reduce((total, value) => total + value, 0);
        const relative = (a: number, b: number) => Math.abs(a - b) / Math.max(1, Math.abs(b));
        const numbers: [string, number][] = [
          [
            "accuracy of folds",
            Math.max(...expected.accuracy_folds.map((a, f) => Math.abs(a - found.folds[f].accuracy))),
          ],
          ["accuracy", Math.abs(found.accuracy - expected.accuracy_mean)],
          ["accuracy deviation", Math.abs(found.accuracyStd - expected.accuracy_std)],
          ["sum of true positive rates", relative(sum(found.curve.tpr), expected.tpr_sum)],
          ["sum of false positive rates", relative(sum(found.curve.fpr), expected.fpr_sum)],
          ["VAL", Math.abs(found.val - expected.val)],
          ["VAL deviation", Math.abs(found.valStd - expected.val_std)],
          ["FAR", Math.abs(found.far - expected.far)],
        ];
        return numbers.map(([quantity, error]) => parityRow(`${name} ${distance} ${quantity}`, error, BOUND));
      }),
    ];
  });
}

/** The embeddings of a case, [2 pairs, dim], normalised in float64, and which pairs are of one person. */
function build({ pairs, dim, noise, seeds }: PairCase): { rows: Float64Array; same: boolean[] } {
  const first = fill(seeds.first, pairs * dim);
  const other = fill(seeds.other, pairs * dim);
  const jitter = fill(seeds.jitter, pairs * dim);
  const same = Array.from({ length: pairs }, (_, k) => unit(seeds.same_if_unit_below_half, k) < 0.5);
  const rows = new Float64Array(2 * pairs * dim);
  for (let k = 0; k < pairs; k++) {
    for (let d = 0; d < dim; d++) {
      const i = k * dim + d;
      rows[2 * k * dim + d] = first[i];
      rows[(2 * k + 1) * dim + d] = same[k] ? first[i] + noise * jitter[i] : other[i];
    }
  }
  for (let start = 0; start < rows.length; start += dim) {
    const row = rows.subarray(start, start + dim);
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    row.forEach((value, d) => row[d] = value / norm);
  }
  return { rows, same };
}
