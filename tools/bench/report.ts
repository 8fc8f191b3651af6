// deno-lint-ignore-file no-console -- what a command prints
import Table from "../../lib/deps/cli_table.ts";
import type { Figures, Measurement } from "./measurement.ts";

/** Columns whose figures are one cell: times with their spread. */
const SIDES = ["ours", "stock", "torch", "numpy", "unshared", "copy", "allreduce"];

/** Gathers measurements: prints a line of JSON for each at once, or a table of all at the end. */
export class Report {
  readonly #json: boolean;
  readonly #adapter: string;
  readonly #measurements: Measurement[] = [];
  readonly #notes: string[] = [];

  /** `adapter` is told in every line of JSON. */
  constructor(adapter: string, json: boolean) {
    this.#adapter = adapter;
    this.#json = json;
  }

  /** Takes a measurement in. */
  add(name: string, figures: Figures): void {
    this.#measurements.push({ name, figures });
    if (this.#json) console.log(JSON.stringify({ name, ...figures, adapter: this.#adapter }));
    else console.error(`  ${name}: ${Number(figures.ours_ms).toPrecision(4)} ms`);
  }

  /** Says something that is no measurement; it is told below the table too. */
  note(text: string): void {
    this.#notes.push(text);
    console.error(text);
  }

  /** Says what is being done. */
  progress(text: string): void {
    console.error(text);
  }

  /** Everything taken in so far. */
  get measurements(): readonly Measurement[] {
    return this.#measurements;
  }

  /** What was said besides. */
  get notes(): readonly string[] {
    return this.#notes;
  }

  /** Prints the table, unless lines of JSON are wanted. */
  finish(): void {
    if (this.#json || this.#measurements.length === 0) return;
    for (const { head, rows } of tablesOf(this.#measurements)) {
      const table = new Table({ head, style: { head: [], border: [] } });
      table.push(...rows);
      console.log(table.toString());
    }
  }
}

/** Measurements with the same figures, as texts of a table. */
export interface TextTable {
  /** One per column. */
  readonly head: string[];
  /** As many cells in each. */
  readonly rows: string[][];
}

/** Measurements as tables: a new one begins where the kind of measurement, the first word of its name, changes. */
export function tablesOf(measurements: readonly Measurement[]): TextTable[] {
  const kinds = new Map<string, Measurement[]>();
  for (const one of measurements) {
    const kind = one.name.split(" ")[0];
    kinds.set(kind, [...kinds.get(kind) ?? [], one]);
  }
  return [...kinds.values()].map(tableOf);
}

function tableOf(measurements: readonly Measurement[]): TextTable {
  const keys = [...new Set(measurements.flatMap(({ figures }) => Object.keys(figures)))];
  const columns: { head: string; cell: (figures: Figures) => string }[] = [];
  for (const side of SIDES) {
    if (!keys.some((key) => key === side || key === `${side}_ms`)) continue;
    columns.push({ head: `${side}, ms`, cell: (figures) => timeCell(figures, side) });
    const ratio = `ratio_${side}`;
    if (keys.includes(ratio)) columns.push({ head: `${side} / ours`, cell: (figures) => numberCell(figures[ratio]) });
  }
  const shown = new RegExp(`^(${SIDES.join("|")})(_min|_max)?(_ms)?$|^ratio_`);
  for (const key of keys) {
    if (!shown.test(key)) columns.push({ head: headOf(key), cell: (figures) => numberCell(figures[key]) });
  }
  return {
    head: ["", ...columns.map(({ head }) => head)],
    rows: measurements.map(({ name, figures }) => [name, ...columns.map(({ cell }) => cell(figures))]),
  };
}

/** `images_per_second` as words; units are the last one. */
function headOf(key: string): string {
  return key.replace(/_(ms|mb|seconds)$/, (_, unit) => `, ${unit === "mb" ? "MB" : unit === "seconds" ? "s" : unit}`)
    .replaceAll("_", " ");
}

/** 12.3 (11.8 to 14.1), or why there is none. */
function timeCell(figures: Figures, side: string): string {
  const [median, min, max] = ["ms", "min_ms", "max_ms"].map((key) => figures[`${side}_${key}`]);
  if (median === undefined) return figures[side] === undefined ? "" : String(figures[side]);
  return min === undefined ? numberCell(median) : `${numberCell(median)} (${numberCell(min)} to ${numberCell(max)})`;
}

/** Three digits of a number, all before the point. */
function numberCell(value: number | string | undefined): string {
  if (typeof value !== "number") return value ?? "";
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
