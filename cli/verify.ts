/** `verify`: how well a model tells people apart, by the protocols of the field. */
import { Command } from "../lib/deps/commander.ts";
import { EXIT_INPUT, runCommand } from "./program.ts";
import { addIjbCommand } from "./verify_ijb.ts";
import { addPairsCommand } from "./verify_pairs.ts";
import { addReportCommand } from "./verify_report.ts";

/** The command line. */
function program(): Command {
  const verify = new Command("verify")
    .description("Verifies a trained model.")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
Examples:
  verify.ts pairs --model work_dirs/ms1mv2/exp1 --data data/faces_emore
  verify.ts pairs --model best_iresnet18.safetensors --data lfw.bin agedb_30.bin --flip --json
  verify.ts pairs --model work_dirs/ms1mv2/exp2 --compare work_dirs/ms1mv2/exp1 --data data/faces_emore
  verify.ts pairs --model face.safetensors --data data/faces_emore --threshold-at-fpr 1e-4
  verify.ts report --model work_dirs/ms1mv2/exp1 --data data/faces_emore --flip --out report
  verify.ts ijb --model face.safetensors --target IJBC --root data/IJBC --out work_dirs/ijb`,
    );

  addPairsCommand(verify as unknown as Command);
  addReportCommand(verify as unknown as Command);
  addIjbCommand(verify as unknown as Command);
  return verify as unknown as Command;
}

if (import.meta.main) {
  await runCommand(async () => {
    if (Deno.args.length > 0) await program().parseAsync(Deno.args, { from: "user" });
    else program().outputHelp();
    Deno.exit(Deno.args.length > 0 ? 0 : EXIT_INPUT);
  });
}
