// deno-lint-ignore-file no-console -- a command prints
/** `train`: trains a model, or goes on with a run. */
import { resolveTrainOptions } from "../lib/train/resolve_options.ts";
import { train } from "../lib/train/trainer.ts";
import { runCommand } from "./program.ts";
import { terminal } from "./terminal.ts";
import { parseTrainFlags } from "./train_flags.ts";
import { trainReport } from "./train_report.ts";

/** Exit code after Ctrl-C, as shells count it. */
const EXIT_INTERRUPTED = 130;

/** Aborted by the first Ctrl-C or SIGTERM; the second ends the process at once. */
function stopOnSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) {
      if (Deno.stdout.isTerminal()) terminal().write("\x1b[?25h\n"); // the bar hides the cursor
      Deno.exit(EXIT_INTERRUPTED);
    }
    console.error(`${Deno.stderr.isTerminal() ? "\n" : ""}stopping after this step; once more stops at once`);
    stop.abort();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  return stop.signal;
}

if (import.meta.main) {
  // A limit on the size of files is then an error of the write, which is reported, and not the end of the process.
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGXFSZ", () => {});
  await runCommand(async () => {
    const options = resolveTrainOptions(parseTrainFlags(Deno.args));
    const signal = stopOnSignal();
    try {
      const result = await train(options, { writer: terminal(), signal });
      if (result.finished) {
        terminal().write(`${trainReport(result)}\n`);
        Deno.exit(0);
      }
      console.error(`stopped after step ${result.steps}; go on with: train --resume ${result.folder}`);
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
      console.error("stopped before the first step");
    }
    Deno.exit(EXIT_INTERRUPTED);
  });
}
