// deno-lint-ignore-file no-console -- a command prints
/**
 * The last validation of a run, a column per set, in percent.
 *
 *     deno run --allow-read tools/view_val.ts work_dirs/ms1mv2/exp1 [--all] [--json]
 */
import { Command } from "../lib/deps/commander.ts";
import { validationHistory, validationTable } from "../lib/train/validation_history.ts";
import { runTool } from "./run_tool.ts";

if (import.meta.main) {
  const command = new Command("view_val")
    .description("Prints the accuracies of a run's last validation.")
    .argument("<run>", "the run's folder")
    .option("--all", "every validation; the best of each column has a star")
    .option("--json", "print JSON lines, in shares of 1")
    .action((run, { all, json }) => {
      const history = validationHistory(run);
      const rows = all ? history : history.slice(-1);
      if (!json) return console.log(validationTable(rows));
      for (const { accuracies, ...row } of rows) {
        console.log(JSON.stringify({ ...row, accuracies: Object.fromEntries(accuracies) }));
      }
    });
  await runTool(command as unknown as Command);
}
