// deno-lint-ignore-file no-console -- a command prints
import { train } from "../lib/train/trainer.ts";
import { resolveTrainOptions } from "../lib/train/resolve_options.ts";
import { runCommand } from "./program.ts";
import { terminal } from "./terminal.ts";
import { parseTrainFlags } from "./train_flags.ts";

/** Exit code after Ctrl-C, as shells count it. */
const EXIT_INTERRUPTED = 130;

await runCommand(async () => {
  const options = resolveTrainOptions(parseTrainFlags(Deno.args));
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) Deno.exit(EXIT_INTERRUPTED);
    console.error("\nstopping after this step, with a checkpoint; once more to stop at once");
    stop.abort();
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  const result = await train(options, { writer: terminal(), signal: stop.signal });
  for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
  if (!result.finished) {
    console.error(`stopped after step ${result.steps}; go on with: train --resume ${result.folder}`);
    Deno.exit(EXIT_INTERRUPTED);
  }
});
