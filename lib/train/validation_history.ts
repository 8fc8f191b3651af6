import { TextLines } from "../data/text_lines.ts";
import { InputError } from "../errors.ts";
import Table from "../deps/cli_table.ts";

/** One validation of a run: a figure per set. */
export interface ValidationRow {
  /** Epochs finished; 0 for the untrained network. */
  readonly epoch: number;
  /** Steps finished. */
  readonly step: number;
  /** Accuracy of each set, shares of 1. */
  readonly accuracies: ReadonlyMap<string, number>;
  /** Their mean. */
  readonly mean: number;
}

/**
 * The validations of a run, oldest first, from val_epoch_log.txt in its folder.
 *
 * @throws {InputError} naming the line, if there is no such log, it is empty, or a line is not one of a validation.
 */
export function validationHistory(folder: string): ValidationRow[] {
  const path = `${folder.replace(/(?<=.)\/+$/, "")}/val_epoch_log.txt`;
  const lines = TextLines.read(path);
  const found: { epoch: number; step: number; accuracies: Map<string, number> }[] = [];
  for (let i = 0; i < lines.size; i++) {
    const { epoch, step, set, accuracy } = parse(lines.line(i), path, i + 1);
    let row = found.at(-1);
    if (row === undefined || row.step !== step || row.accuracies.has(set)) {
      found.push(row = { epoch, step, accuracies: new Map() });
    }
    row.accuracies.set(set, accuracy);
  }
  if (found.length === 0) {
    throw new InputError(`Cannot read ${path}: expected validations, found none yet; train with --val`);
  }
  return found.map((row) => ({
    ...row,
    mean: [...row.accuracies.values()].reduce((sum, value) => sum + value, 0) / row.accuracies.size,
  }));
}

function parse(
  text: string,
  path: string,
  line: number,
): { epoch: number; step: number; set: string; accuracy: number } {
  try {
    const { epoch, step, set, accuracy } = JSON.parse(text);
    if ([epoch, step, accuracy].every(Number.isFinite) && typeof set === "string") {
      return { epoch, step, set, accuracy };
    }
  } catch { /* said below */ }
  throw new InputError(
    `Cannot read ${path}: expected {"epoch", "step", "set", "accuracy" …} on line ${line}, found ${
      JSON.stringify(text.slice(0, 60))
    }; it is damaged or of another program`,
  );
}

/** Validations as a table for the terminal, in percent: a column per set, and the best of each column marked. */
export function validationTable(rows: readonly ValidationRow[]): string {
  const sets = [...new Set(rows.flatMap(({ accuracies }) => [...accuracies.keys()]))];
  const best = new Map(sets.map((set) => [set, Math.max(...rows.map(({ accuracies }) => accuracies.get(set) ?? 0))]));
  const bestMean = Math.max(...rows.map(({ mean }) => mean));
  const mark = (value: number | undefined, most: number) =>
    value === undefined ? "" : `${(100 * value).toFixed(2)}${rows.length > 1 && value === most ? "*" : " "}`;
  const table = new Table({
    head: ["epoch", "step", ...sets, "mean"],
    colAligns: ["right", "right", ...sets.map(() => "right" as const), "right"],
    style: { head: [], border: [] },
  });
  for (const { epoch, step, accuracies, mean } of rows) {
    const shown = sets.map((set) => mark(accuracies.get(set), best.get(set)!));
    table.push([String(epoch), String(step), ...shown, mark(mean, bestMean)]);
  }
  return table.toString();
}
