// deno-lint-ignore-file no-console -- a command prints
/**
 * Compares us with golden files: numbers that the published code computes, in float64 and float32.
 *
 *     deno run -A tools/parity.ts DIR [--only head|backbone|pairs|ijb] [--json]
 *
 * One row per quantity: our error against float64, PyTorch float32's, the bound, and whether ours is within it. Exit code
 * 1 if one is outside, 2 if DIR has no golden file or a broken one.
 */
import { Command, CommanderError, Option } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";
import { checkGoldenFile, goldenFiles } from "./golden/check_folder.ts";
import { GOLDEN_KINDS, type GoldenKind } from "./golden/golden_file.ts";
import type { ParityRow } from "./golden/parity_row.ts";

/** The longest quantity's name is about this long. */
const NAME_WIDTH = 72;

/** Columns of a row, right of its name. */
const HEADINGS = ["ours", "PyTorch", "bound"];

function formatRow({ quantity, error, reference, bound, ok, spread }: ParityRow): string {
  const number = (value: number | undefined) => (value === undefined ? "" : value.toExponential(2)).padStart(10);
  const verdict = ok ? "ok" : "OUTSIDE";
  const looked = spread === undefined ? "" : ` (moves by ${spread.toExponential(2)} when inputs are rounded otherwise)`;
  return `${quantity.padEnd(NAME_WIDTH)} ${[error, reference, bound].map(number).join(" ")}  ${verdict}${looked}`;
}

/** Checks a folder; true if all is within its bound. */
async function parity(folder: string, { only, json = false }: { only?: GoldenKind; json?: boolean }): Promise<boolean> {
  const files = goldenFiles(folder, only);
  const all: (ParityRow & { file: string })[] = [];
  const say = (line: string) => json || console.log(line);
  say(`${"quantity".padEnd(NAME_WIDTH)} ${HEADINGS.map((heading) => heading.padStart(10)).join(" ")}`);
  for (const file of files) {
    say(`\n${file.path} (${file.kind})`);
    const rows = await checkGoldenFile(file);
    for (const row of rows) say(formatRow(row));
    all.push(...rows.map((row) => ({ file: file.path, ...row })));
  }
  const outside = all.filter(({ ok }) => !ok);
  const quantities = `${all.length} quantities in ${files.length} ${files.length === 1 ? "file" : "files"}`;
  const twice = all.filter(({ spread }) => spread !== undefined).length;
  if (json) {
    console.log(JSON.stringify({ quantities: all.length, outside: outside.length, rows: all }, undefined, 2));
  } else {
    say(`\n${quantities}: ${all.length - outside.length} within their bound, ${outside.length} outside`);
    if (twice > 0) {
      say(
        `${twice} were outside of ten times PyTorch's error or 1e-5, and were looked at again under changes of the size of ` +
          `roundings (why: settleWithSpread in tools/golden/compare.ts)`,
      );
    }
    for (const row of outside) say(formatRow(row));
  }
  return outside.length === 0;
}

if (import.meta.main) {
  const command = new Command("parity")
    .description("Compares us with a folder of golden files, one row per quantity.")
    .argument("<dir>", "the folder; its .json files are recognised by what is in them")
    .addOption(new Option("--only <kind>", "files of one kind").choices(GOLDEN_KINDS))
    .option("--json", "print JSON")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .action(async (folder, options) => {
      if (!await parity(folder, options as { only?: GoldenKind; json?: boolean })) Deno.exitCode = 1;
    });
  try {
    await command.parseAsync(Deno.args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? 0 : 2);
    if (!(error instanceof InputError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
