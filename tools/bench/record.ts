import { writeFileAtomic } from "../../lib/data/atomic_file.ts";
import { InputError } from "../../lib/errors.ts";
import type { AdapterFacts } from "../../lib/gpu/adapter.ts";
import { vulkanDrivers } from "../../lib/gpu/vulkan_drivers.ts";
import type { Measurement } from "./measurement.ts";
import { tablesOf } from "./report.ts";

/** What a record says besides the table. */
export interface RecordFacts {
  /** The command as it can be given again. */
  readonly command: string;
  /** What was measured on. */
  readonly adapter: AdapterFacts;
  /** When. */
  readonly date: Date;
  /** Remarks, one a line. */
  readonly notes: readonly string[];
}

/** A table of results longer than this is taken to be no table of ours. */
const MOST_BYTES = 2 ** 24;

/** Measurements as a section of Markdown: date, command, adapter, driver, deno and the tables. */
export function recordText(
  measurements: readonly Measurement[],
  { command, adapter, date, notes }: RecordFacts,
): string {
  const drivers = vulkanDrivers().map(({ library, apiVersion }) => `${library} (Vulkan ${apiVersion})`);
  const lines = [
    `## ${date.toISOString().slice(0, 16).replace("T", " ")} UTC: \`${command}\``,
    "",
    `${adapter.name}; driver ${drivers.join(", ") || "not told"}; ${navigator.hardwareConcurrency} cores; ` +
    `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.build.arch}`,
    "",
  ];
  for (const { head, rows } of tablesOf(measurements)) {
    const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
    lines.push(row(head), row(head.map((_, i) => i === 0 ? "---" : "---:")), ...rows.map(row), "");
  }
  if (notes.length > 0) lines.push(...notes.map((note) => `- ${note}`), "");
  return lines.join("\n");
}

/**
 * Appends measurements to a file of results, which is made where there is none.
 *
 * @throws {InputError} if the file cannot be read or written.
 */
export function appendRecord(path: string, measurements: readonly Measurement[], facts: RecordFacts): void {
  let before =
    "# Results of the benchmarks\n\nTimes are medians, with the least and the largest; `/ ours` says how many times as long as ours a peer takes.\n";
  try {
    if (Deno.statSync(path).size > MOST_BYTES) {
      throw new InputError(
        `Cannot append to ${path}: expected at most ${MOST_BYTES} bytes, found more; name another file with --record`,
      );
    }
    before = Deno.readTextFileSync(path).trimEnd() + "\n";
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const folder = path.replace(/\/?[^/]*$/, "");
  if (folder) Deno.mkdirSync(folder, { recursive: true });
  const text = `${before}\n${recordText(measurements, facts)}`;
  writeFileAtomic(path, new TextEncoder().encode(text), { force: true });
}
