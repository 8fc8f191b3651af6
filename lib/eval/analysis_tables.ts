import Table from "../deps/cli_table.ts";
import { intervalsOf, meanDraws, type PairAnalysis } from "./analyse_pairs.ts";
import type { ModelComparison } from "./compare_models.ts";
import type { CountedRate, DeployThreshold } from "./deploy_threshold.ts";
import type { Interval } from "./pair_bootstrap.ts";
import { type PairRow, pairRows } from "./pair_table.ts";

/** A row of the report with its intervals, and what else was asked for. */
export interface AnalysisRow extends PairRow {
  /** 95 % intervals. */
  readonly intervals: PairAnalysis["intervals"];
  /** The other model's row, and the test of the difference. */
  readonly comparison?: ModelComparison;
  /** A threshold to deploy; in the mean's row that for all pairs together. */
  readonly deploy?: DeployThreshold;
}

/** What rows can say besides the figures. */
export interface AnalysisExtras {
  /** A row per set, then one for all. */
  readonly comparisons?: readonly ModelComparison[];
  /** A row per set, then one for all. */
  readonly deploys?: readonly DeployThreshold[];
}

/** The rows of a report: one per set, then their mean where there is more than one. */
export function analysisRows(analyses: readonly PairAnalysis[], extras: AnalysisExtras = {}): AnalysisRow[] {
  const { comparisons, deploys } = extras;
  return pairRows(analyses).map((row, i) => ({
    ...row,
    intervals: analyses[i]?.intervals ?? intervalsOf(meanDraws(analyses)),
    ...comparisons && { comparison: comparisons[i] },
    ...deploys && { deploy: deploys[i] },
  }));
}

const head = (titles: string[]) => ({
  head: titles,
  colAligns: titles.map((_, i) => i === 0 ? "left" as const : "right" as const),
  style: { head: [], border: [] },
});
const number = (value: number) => (100 * value).toFixed(2);
const range = ([low, high]: Interval) => `${number(low)} – ${number(high)}`;
const chance = (value: number) => value >= 0.001 ? value.toFixed(3) : value.toExponential(1);

/** The 95 % intervals as a table for the terminal, in percent. */
export function intervalTable(rows: readonly AnalysisRow[]): string {
  const table = new Table(head(["95 % intervals", "accuracy %", `VAL % @FAR ${rows[0].farTarget}`, "AUC %", "EER %"]));
  for (const { set, intervals: { accuracy, val, auc, eer } } of rows) {
    table.push([set, range(accuracy), range(val), range(auc), range(eer)]);
  }
  return table.toString();
}

/** The comparison with another model as a table for the terminal. */
export function comparisonTable(comparisons: readonly ModelComparison[]): string {
  const table = new Table(
    head(["against the other", "difference %", "95 %", "p", "only this", "only other", "McNemar p", "mid-p"]),
  );
  for (const { set, difference, interval, bootstrapP, onlyFirst, onlyOther, mcNemar } of comparisons) {
    const signed = `${difference > 0 ? "+" : ""}${number(difference)}`;
    const counts = [String(onlyFirst), String(onlyOther)];
    table.push([
      set,
      signed,
      range(interval),
      chance(bootstrapP),
      ...counts,
      chance(mcNemar.exact),
      chance(mcNemar.midP),
    ]);
  }
  return table.toString();
}

/** The thresholds to deploy as a table for the terminal, and a warning where the pairs are too few. */
export function deployTable(deploys: readonly DeployThreshold[]): string {
  const [{ fprTarget }] = deploys;
  const table = new Table(head([`threshold @FPR ${fprTarget}`, "similarity", "95 %", "FPR", "95 %", "TPR %", "95 %"]));
  const rate = ({ accepted, of }: CountedRate) => `${accepted} of ${of}`;
  for (const { set, threshold, thresholdInterval: [low, high], fpr, tpr } of deploys) {
    table.push([
      set,
      threshold.toFixed(4),
      `${low.toFixed(4)} – ${high.toFixed(4)}`,
      rate(fpr),
      fpr.interval.map((value) => value.toPrecision(2)).join(" – "),
      number(tpr.rate),
      range(tpr.interval),
    ]);
  }
  const weak = deploys.filter(({ resolved }) => !resolved);
  if (weak.length === 0) return table.toString();
  const sets = weak.map(({ set, fpr }) => `${set} (${fpr.of})`).join(", ");
  return `${table}\ntoo few pairs of two people to tell a rate of ${fprTarget}, which takes ${
    Math.ceil(1 / fprTarget)
  }: ${sets}`;
}

/** The report as JSON lines, a row each, in shares of 1. */
export function analysisJsonLines(rows: readonly AnalysisRow[]): string {
  return rows.map((row) => JSON.stringify(row)).join("\n");
}
