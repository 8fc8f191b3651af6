import Table from "../deps/cli_table.ts";
import type { PairFigures } from "./pairs.ts";

/** A result and what it is called: "lfw". */
export interface NamedPairResult {
  /** The set's name. */
  name: string;
  /** What `evaluatePairs` found. */
  result: PairFigures;
}

/** One row of the report: all figures are shares, 0 … 1. */
export interface PairRow {
  /** The set's name, or "mean". */
  set: string;
  /** Number of pairs; of the mean, all of them. */
  pairs: number;
  /** Mean accuracy of the folds. */
  accuracy: number;
  /** Standard deviation of the folds' accuracies; undefined for the mean row. */
  accuracyStd: number | undefined;
  /** True accept rate at `farTarget`. */
  val: number;
  /** Standard deviation of the folds' true accept rates; undefined for the mean row. */
  valStd: number | undefined;
  /** False accept rate met. */
  far: number;
  /** False accept rate asked for. */
  farTarget: number;
  /** Area under the ROC. */
  auc: number;
  /** Equal error rate. */
  eer: number;
  /** Accuracy at the best single threshold. */
  bestThresholdAccuracy: number;
}

/** The rows of a report: one per set, then their unweighted mean where there is more than one. */
export function pairRows(results: readonly NamedPairResult[]): PairRow[] {
  const rows = results.map(({ name, result }): PairRow => ({
    set: name,
    pairs: result.pairs,
    accuracy: result.accuracy,
    accuracyStd: result.accuracyStd,
    val: result.val,
    valStd: result.valStd,
    far: result.far,
    farTarget: result.farTarget,
    auc: result.auc,
    eer: result.eer,
    bestThresholdAccuracy: result.bestThresholdAccuracy,
  }));
  if (rows.length < 2) return rows;
  const mean = (key: "accuracy" | "val" | "far" | "auc" | "eer" | "bestThresholdAccuracy") =>
    rows.reduce((sum, row) => sum + row[key], 0) / rows.length;
  return [...rows, {
    set: "mean",
    pairs: rows.reduce((sum, row) => sum + row.pairs, 0),
    accuracy: mean("accuracy"),
    accuracyStd: undefined,
    val: mean("val"),
    valStd: undefined,
    far: mean("far"),
    farTarget: rows[0].farTarget,
    auc: mean("auc"),
    eer: mean("eer"),
    bestThresholdAccuracy: mean("bestThresholdAccuracy"),
  }];
}

/** What else the table shows. */
export interface PairTableOptions {
  /** Results on the same sets before training, in a column of their own. @default no such column */
  readonly untrained?: readonly NamedPairResult[];
}

/**
 * The report as a table for the terminal, in percent, without colours.
 *
 * @example
 * ```ts
 * import { pairTable } from "./pair_table.ts";
 * import { evaluatePairs } from "./pairs.ts";
 *
 * const embeddings = Float32Array.of(1, 0, 1, 0.1, 1, 0, 0, 1, 0, 1, 0.1, 1, 0, 1, 1, 0);
 * const result = evaluatePairs(embeddings, [true, false, true, false], { folds: 2 });
 * console.assert(pairTable([{ name: "plane", result }]).includes("100.00"));
 * ```
 */
export function pairTable(results: readonly NamedPairResult[], options: PairTableOptions = {}): string {
  const rows = pairRows(results);
  const before = options.untrained && pairRows(options.untrained);
  const target = rows[0]?.farTarget ?? 1e-3;
  const table = new Table({
    head: [
      "set",
      "pairs",
      ...before ? ["untrained %"] : [],
      "accuracy %",
      `VAL % @FAR ${target}`,
      "AUC %",
      "EER %",
      "best-threshold accuracy %",
    ],
    colAligns: ["left", ...before ? ["right" as const] : [], "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  const percent = (value: number, spread?: number) =>
    (value * 100).toFixed(2) + (spread === undefined ? "" : ` ± ${(spread * 100).toFixed(2)}`);
  for (const [i, row] of rows.entries()) {
    table.push([
      row.set,
      String(row.pairs),
      ...before ? [before[i] ? percent(before[i].accuracy) : ""] : [],
      percent(row.accuracy, row.accuracyStd),
      percent(row.val, row.valStd),
      percent(row.auc),
      percent(row.eer),
      percent(row.bestThresholdAccuracy),
    ]);
  }
  return table.toString();
}

/** The report as JSON lines, a row each, in shares of 1. */
export function pairJsonLines(results: readonly NamedPairResult[]): string {
  return pairRows(results).map((row) => JSON.stringify(row)).join("\n");
}
