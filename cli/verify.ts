// deno-lint-ignore-file no-console -- a command prints
/** `verify`: how well a model tells people apart, by the protocols of the field. */
import { Command, InvalidArgumentError, Option } from "../lib/deps/commander.ts";
import { pairJsonLines, pairTable } from "../lib/eval/pair_table.ts";
import { Validation } from "../lib/eval/validation.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { loadModel } from "../lib/model/load_model.ts";
import { EXIT_INPUT, runCommand } from "./program.ts";
import { showProgress } from "./show_progress.ts";

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number of at least ${least}.`);
  };
}

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
  verify.ts pairs --model best_iresnet18.safetensors --data lfw.bin agedb_30.bin --flip --json`,
    );

  verify.command("pairs")
    .description("Accuracy (ten folds), VAL at a false accept rate of 0.001, AUC and EER on .bin sets of pairs.")
    .requiredOption("--model <path>", "a run's folder (its best model), a .safetensors model or a checkpoint")
    .requiredOption("--data <path...>", ".bin files or folders of them")
    .option("--flip", "add the embedding of the mirrored image")
    .addOption(
      new Option("--distance <name>", "distance the accuracy is made on").choices(["cosine", "euclidean"])
        .default("cosine"),
    )
    .option("--folds <n>", "folds of the protocol", wholeNumber(2), 10)
    .option("--batch-size <n>", "images computed at once", wholeNumber(1), 64)
    .option("--num-workers <n>", "decoding workers (default: one fewer than cores, at most 4)", wholeNumber(0))
    .option("--json", "print JSON lines, one per set, in shares of 1")
    .action(async ({ model: path, data, flip, distance, folds, batchSize, numWorkers: workers, json }) => {
      const gpu = await startWebGPU();
      using sets = new Validation(gpu, data, { flip, distance, folds, batchSize, workers });
      for (const reason of sets.leftOut) console.error(`warning: ${reason}; left out`);
      using model = await loadModel(path, { gpu });
      const results = await showProgress("images", (progress) => sets.run(model.backbone, { progress }));
      if (json) return console.log(pairJsonLines(results));
      console.log(`${model.path}${flip ? ", with mirrored images" : ""}, distance ${distance}, ${folds} folds`);
      console.log(pairTable(results));
    });
  return verify as unknown as Command;
}

if (import.meta.main) {
  await runCommand(async () => {
    if (Deno.args.length > 0) await program().parseAsync(Deno.args, { from: "user" });
    else program().outputHelp();
    Deno.exit(Deno.args.length > 0 ? 0 : EXIT_INPUT);
  });
}
