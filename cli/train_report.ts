import { pairTable } from "../lib/eval/pair_table.ts";
import { duration } from "../lib/train/progress.ts";
import type { TrainResult } from "../lib/train/trainer.ts";

/** The end of a run for the reader: the verification table, then what it comes to and where it is. */
export function trainReport(result: TrainResult): string {
  const { validation, untrained, trainAccuracy, best, model, epochs, steps, seconds } = result;
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  const lines: string[] = [];
  if (validation.length > 0) {
    lines.push("", `verification after epoch ${epochs}, step ${steps}`);
    lines.push(pairTable(validation, untrained.length > 0 ? { untrained } : {}), "");
  }
  const row = (name: string, value: string) => lines.push(`${name.padEnd(19)}${value}`);
  if (trainAccuracy !== undefined) row("training accuracy", percent(trainAccuracy));
  if (model !== undefined) {
    const note = best === undefined ? "" : `  (epoch ${best.epoch}, step ${best.step}: ${percent(best.accuracy)})`;
    row(best === undefined ? "model" : "best model", model + note);
  }
  row("total time", duration(seconds));
  return lines.join("\n");
}
