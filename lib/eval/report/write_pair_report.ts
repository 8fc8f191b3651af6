import { writeFileAtomic } from "../../data/atomic_file.ts";
import { exists } from "../../data/exists.ts";
import { ioError } from "../../data/io_error.ts";
import type { PairSet } from "../../data/pair_set.ts";
import { InputError } from "../../errors.ts";
import { plotPng } from "../plot_png.ts";
import { errorPictures } from "./error_pictures.ts";
import type { PairReport } from "./pair_report.ts";
import { reportHistogram, reportPage, reportRoc } from "./report_page.ts";

/** Where a report went. */
export interface PairReportFiles {
  /** The page: everything in one file. */
  readonly page: string;
  /** The numbers. */
  readonly json: string;
  /** The plots, SVG and PNG. */
  readonly plots: readonly string[];
}

/** How a report is written. */
export interface WriteReportOptions {
  /** Replace an earlier one. @default false */
  readonly force?: boolean;
}

/**
 * Whether a report may be written into a folder; asked before the work that it takes.
 *
 * @throws {InputError} if there is one already and `force` is not given.
 */
export function checkReportFolder(folder: string, { force = false }: WriteReportOptions = {}): void {
  const there = ["report.html", "report.json"].map((name) => `${folder}/${name}`).find(exists);
  if (there === undefined || force) return;
  throw new InputError(
    `Cannot write a report into ${folder}: found ${there}; choose another folder or give --force to replace it`,
  );
}

/**
 * Writes a report into a folder, which is made where it is not there: report.html, report.json, and of each plot an SVG and a PNG
 * (roc, histogram-<set>). `sets` are those of the report, for the images of the hardest errors.
 *
 * @throws {InputError} (as a rejection) if there is a report already and `force` is not given, if it cannot be written, or if an image
 * cannot be read.
 */
export async function writePairReport(
  folder: string,
  report: PairReport,
  sets: readonly Pick<PairSet, "path" | "image">[],
  { force = false }: WriteReportOptions = {},
): Promise<PairReportFiles> {
  const place = folder.replace(/(?<=.)\/+$/, "");
  checkReportFolder(place, { force });
  try {
    Deno.mkdirSync(place, { recursive: true });
  } catch (error) {
    throw ioError("make the folder", place, error);
  }
  const page = reportPage(report, await errorPictures(sets, report.sets));
  const encoder = new TextEncoder();
  const plots: string[] = [];
  const drawn: [name: string, svg: string][] = [["roc", reportRoc(report, { title: "ROC" })]];
  plotNames(report.sets).forEach((name, s) =>
    drawn.push([name, reportHistogram(report, s, { title: `Similarities, ${report.sets[s].name}` })])
  );
  for (const [name, svg] of drawn) {
    const png = await plotPng(svg);
    for (const [ending, bytes] of [["svg", encoder.encode(svg)], ["png", png]] as const) {
      plots.push(`${place}/${name}.${ending}`);
      writeFileAtomic(plots[plots.length - 1], bytes, { force });
    }
  }
  const files = { page: `${place}/report.html`, json: `${place}/report.json`, plots };
  writeFileAtomic(files.json, encoder.encode(`${JSON.stringify(report, undefined, 2)}\n`), { force });
  writeFileAtomic(files.page, encoder.encode(page), { force });
  return files;
}

/** `histogram-lfw`; sets of one name (of two folders), told apart by number on systems of any kind. */
function plotNames(sets: PairReport["sets"]): string[] {
  const taken = new Set<string>();
  return sets.map(({ name }) => {
    const base = `histogram-${name}`;
    let free = base;
    for (let k = 2; taken.has(free.toLowerCase()); k++) free = `${base}-${k}`;
    taken.add(free.toLowerCase());
    return free;
  });
}
