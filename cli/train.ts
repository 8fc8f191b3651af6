// deno-lint-ignore-file no-console -- a command prints
/** `train`: trains a model, or goes on with a run. */
import { resolveTrainOptions } from "../lib/train/resolve_options.ts";
import { train } from "../lib/train/trainer.ts";
import { endProcess } from "./end_process.ts";
import { runCommand } from "./program.ts";
import { EXIT_INTERRUPTED, stopOnSignal } from "./stop_on_signal.ts";
import { terminal } from "./terminal.ts";
import { parseTrainFlags } from "./train_flags.ts";
import { trainReport } from "./train_report.ts";

/** Trains, and says how it ended: true if it came to its end. */
async function trainUntil(signal: AbortSignal): Promise<boolean> {
  try {
    const result = await train(resolveTrainOptions(parseTrainFlags(Deno.args)), { writer: terminal(), signal });
    if (result.finished) terminal().write(`${trainReport(result)}\n`);
    else console.error(`stopped after step ${result.steps}; go on with: train --resume ${result.folder}`);
    return result.finished;
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    console.error("stopped before the first step");
    return false;
  }
}

if (import.meta.main) {
  // A limit on the size of files is then an error of the write, which is reported, and not the end of the process.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
  await runCommand(async () => {
    const finished = await stopOnSignal(trainUntil, {
      onStop: () =>
        console.error(`${Deno.stderr.isTerminal() ? "\n" : ""}stopping after this step; once more stops at once`),
      onEnd: () => {
        if (Deno.stdout.isTerminal()) terminal().write("\x1b[?25h\n"); // the bar hides the cursor
      },
    });
    endProcess(finished ? 0 : EXIT_INTERRUPTED);
  }, endProcess);
}
