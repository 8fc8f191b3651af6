// deno-lint-ignore-file no-console -- a command prints
import { checkData, type DataCheck } from "../lib/data/check/check_data.ts";
import { type Finding, FINDING_KINDS, type FindingKind, type NamedImage } from "../lib/data/check/list_findings.ts";
import { findDataSets } from "../lib/data/data_set.ts";
import { formatReport } from "./inspect_report.ts";
import { showProgress } from "./show_progress.ts";
import { EXIT_INTERRUPTED, stopOnSignal } from "./stop_on_signal.ts";

/** Findings of a kind that are printed; JSON and the CSV file have more. */
const PRINTED = 10;

/** What makes a trained model or its figures worse, besides what each set's report tells; the rest is no problem. */
const PROBLEMS: readonly FindingKind[] = ["one-colour", "other-class", "shared", "wrong-pair"];

/** A check, and one line for each thing that is wrong. */
export interface CheckedData extends DataCheck {
  readonly problems: readonly string[];
}

/** Where findings go. */
export interface DataFlags {
  readonly out?: string;
  readonly force?: boolean;
}

/** Checks the sets that paths name, together; ends the process when it is interrupted. */
export async function examineData(paths: readonly string[], flags: DataFlags): Promise<CheckedData> {
  const unopened: string[] = [];
  const check = await stopOnSignal(async (signal) => {
    try {
      return await checkData(paths.flatMap(findDataSets), {
        ...flags,
        ...{ signal, stage: showProgress, onUnopened: ({ message }) => unopened.push(message) },
      });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  });
  if (check === undefined) {
    console.error("stopped; nothing is written");
    Deno.exit(EXIT_INTERRUPTED);
  }
  return { ...check, problems: [...problemsOf(check), ...unopened] };
}

function problemsOf({ sets, counts }: DataCheck): string[] {
  const problems: string[] = [];
  for (const report of sets) {
    const { path, corrupt, images } = report;
    if (corrupt > 0) problems.push(`${path}: ${corrupt} of ${images} images are corrupt`);
    if (report.kind === "training set" && report.badLabels > 0) {
      problems.push(`${path}: ${report.badLabels} labels are not classes of the set`);
    }
  }
  for (const kind of PROBLEMS) if (counts[kind] > 0) problems.push(`${FINDING_KINDS[kind]}: ${counts[kind]}`);
  return problems;
}

/** A check as lines for a reader. */
export function formatData({ sets, counts, findings }: DataCheck): string {
  const lines = sets.map(formatReport);
  lines.push("findings");
  for (const kind of Object.keys(FINDING_KINDS) as FindingKind[]) {
    lines.push(`  ${FINDING_KINDS[kind].padEnd(46)} ${counts[kind]}`);
    const named = findings.filter((finding) => finding.kind === kind).slice(0, PRINTED);
    // each set's report has named these
    if (kind !== "corrupt" && kind !== "label") lines.push(...named.map((finding) => `    ${inWords(finding)}`));
    if (counts[kind] > PRINTED) lines.push(`    … and ${counts[kind] - PRINTED} more`);
  }
  return lines.join("\n");
}

function inWords(finding: Finding): string {
  const { other, detail } = finding;
  const of = other ? ` of ${nameOf(other)}` : "";
  return `${nameOf(finding)}${of}${detail === "" ? "" : `: ${detail}`}`;
}

function nameOf({ set, image, label }: NamedImage): string {
  return `${set} ${image}${label === undefined ? "" : ` (class ${label})`}`;
}
