import { csvCell } from "../data/csv_cell.ts";
import { escapeHtml, htmlPage, htmlTable } from "../eval/html_page.ts";
import { type ClassHardness, type ClassRow, type NearClass, nearestClasses } from "./class_hardness.ts";

/** A class in the report. */
export interface ReportedClass extends ClassRow {
  /** What the set calls it, where it has names. */
  readonly name: string | undefined;
  /** Its images; undefined where the set was not looked at. */
  readonly count: number | undefined;
  /** The classes with the nearest weights; only for the classes of most bias. */
  readonly nearest: readonly NearClass[];
}

/** What the report is made of besides the checkpoint. */
export interface ClassReportOptions {
  /** Images per class. */
  readonly counts?: ArrayLike<number>;
  /** Names of the classes. */
  readonly names?: readonly string[];
  /** Nearest classes listed. @default 3 */
  readonly nearest?: number;
  /** Classes of most bias whose nearest classes are looked for: each costs a pass over all weights. @default 1000 */
  readonly top?: number;
}

/** The classes, those of most bias first: a list to look through for wrong labels, split and merged people. */
export function classReport(hardness: ClassHardness, options: ClassReportOptions = {}): ReportedClass[] {
  const { counts, names, nearest = 3, top = 1000 } = options;
  return hardness.rows.toSorted((a, b) => b.bias - a.bias || a.label - b.label).map((row, place) => ({
    ...row,
    name: names?.[row.label],
    count: counts?.[row.label],
    nearest: place < top && nearest > 0 ? nearestClasses(hardness, row.label, nearest) : [],
  }));
}

/** The report as CSV, a line per class. */
export function classReportCsv(rows: readonly ReportedClass[]): string {
  const most = Math.max(0, ...rows.slice(0, 1).map(({ nearest }) => nearest.length));
  const near = Array.from({ length: most }, (_, i) => [`nearest_${i + 1}`, `cosine_${i + 1}`]).flat();
  const lines = [["class", "name", "images", "bias", "margin", ...near].join(",")];
  for (const { label, name = "", count = "", bias, margin, nearest } of rows) {
    const cells = Array.from(
      { length: most },
      (_, i) => [nearest[i]?.label ?? "", nearest[i]?.cosine.toFixed(6) ?? ""],
    );
    lines.push([label, csvCell(name), count, bias.toFixed(6), margin.toFixed(6), ...cells.flat()].join(","));
  }
  return `${lines.join("\n")}\n`;
}

/** The report as a page: how bias is spread, and the `shown` classes of most bias. */
export function classReportHtml(
  rows: readonly ReportedClass[],
  facts: { source: string; t: number },
  shown = 1000,
): string {
  const called = (label: number, name: string | undefined) => name === undefined ? String(label) : `${label} (${name})`;
  const names = new Map(rows.map(({ label, name }) => [label, name]));
  const quantile = (share: number) => rows[Math.round((1 - share) * (rows.length - 1))].bias.toFixed(4);
  const spread = htmlTable(
    ["classes", "least bias", "median", "90 %", "99 %", "most", "t"],
    [[String(rows.length), quantile(0), quantile(0.5), quantile(0.9), quantile(0.99), quantile(1), facts.t.toFixed(4)]],
  );
  const table = htmlTable(
    ["class", "images", "bias", "margin", "nearest other classes (cosine)"],
    rows.slice(0, shown).map(({ label, name, count, bias, margin, nearest }) => [
      called(label, name),
      count === undefined ? "" : String(count),
      bias.toFixed(4),
      margin.toFixed(4),
      nearest.map((one) => `${called(one.label, names.get(one.label))} ${one.cosine.toFixed(3)}`).join(", "),
    ]),
  );
  return htmlPage(
    "Classes by center bias",
    `<p>${escapeHtml(facts.source)}</p>
<p>Bias is 1 - cosine between a class's weight and the mean of its embeddings. Where it is large, look for wrong labels; where another class is near
(a cosine far above the others'), for one person under two labels.</p>
${spread}
<h2>The ${Math.min(shown, rows.length)} of most bias</h2>
${table}`,
  );
}
