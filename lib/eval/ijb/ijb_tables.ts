import Table from "../../deps/cli_table.ts";
import { IJB_FPIRS, IJB_RANKS } from "./ijb_identify.ts";
import type { IjbTarget } from "./ijb_set.ts";
import type { IjbResult } from "./run_ijb.ts";

const percent = (value: number | undefined) => value === undefined ? "" : (100 * value).toFixed(2);
const style = { head: [], border: [] };

/** The result as tables for the terminal, in percent. */
export function ijbTables(target: IjbTarget, { verification, identification }: IjbResult): string {
  const { points, curve, auc } = verification;
  const right = points.map(() => "right" as const);
  const table = new Table({
    head: [`${target} 1:1`, ...points.map((point) => `TPR % @FPR ${point.target.toExponential(0)}`), "AUC %"],
    colAligns: ["left", ...right, "right"],
    style,
  });
  table.push([`${curve.positives + curve.negatives} pairs`, ...points.map(({ tpr }) => percent(tpr)), percent(auc)]);
  if (identification.length === 0) return table.toString();
  const found = new Table({
    head: [
      `${target} 1:N`,
      "gallery",
      "probes",
      ...IJB_RANKS.map((rank) => `rank-${rank} %`),
      ...IJB_FPIRS.map((rate) => `TPIR % @FPIR ${rate}`),
    ],
    colAligns: ["left", ...new Array(2 + IJB_RANKS.length + IJB_FPIRS.length).fill("right" as const)],
    style,
  });
  for (const { gallery, size, mated, nonMated, ranks, tpirs } of identification) {
    const name = gallery.slice(gallery.lastIndexOf("/") + 1).replace(/\.csv$/, "");
    found.push([name, String(size), `${mated} + ${nonMated}`, ...ranks.map(percent), ...tpirs.map(percent)]);
  }
  return `${table}\n${found}`;
}

/** The result as JSON, in shares of 1. */
export function ijbJson(target: IjbTarget, { verification, identification }: IjbResult): Record<string, unknown> {
  const { points, curve, auc } = verification;
  return {
    target,
    pairs: curve.positives + curve.negatives,
    same: curve.positives,
    auc,
    tprAtFpr: points.map(({ target: fprTarget, fpr, tpr, threshold }) => ({ fprTarget, fpr, tpr, threshold })),
    identification: identification.map(({ ranks, tpirs, ...one }) => ({
      ...one,
      ranks: Object.fromEntries(IJB_RANKS.map((rank, i) => [rank, ranks[i]])),
      tpirs: Object.fromEntries(IJB_FPIRS.map((rate, i) => [rate, tpirs[i]])),
    })),
  };
}
