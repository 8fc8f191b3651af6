import { type Command, Option } from "../lib/deps/commander.ts";
import { analysePairs, type AnalysisOptions, type PairAnalysis } from "../lib/eval/analyse_pairs.ts";
import type { Validation } from "../lib/eval/validation.ts";
import { loadModel, type LoadModelOptions, type Model } from "../lib/model/load_model.ts";
import { wholeNumber } from "../lib/train/flag_values.ts";
import { addModelFlags } from "./model_flags.ts";
import { showProgress } from "./show_progress.ts";

/** Adds a command that verifies a model on sets of pairs, with the flags that all such commands have. */
// deno-lint-ignore explicit-module-boundary-types -- the type is that of the flags
export function pairCommand(verify: Command, name: string, description: string) {
  const command = verify.command(name)
    .description(description)
    .requiredOption("--model <path>", "a run's folder (its best model), a .safetensors model or a checkpoint")
    .requiredOption("--data <path...>", ".bin files or folders of them")
    .option("--flip", "add the embedding of the mirrored image")
    .addOption(
      new Option("--distance <name>", "distance the accuracy is made on").choices(["cosine", "euclidean"])
        .default("cosine"),
    )
    .option("--folds <n>", "folds of the protocol", wholeNumber(2), 10)
    .option("--pca <n>", "compare in so many principal axes, fitted on the other folds", wholeNumber(1))
    .option("--resamples <n>", "resamples of the pairs, for the 95 % intervals", wholeNumber(100), 1000)
    .option("--seed <n>", "of the resamples", wholeNumber(0), 21)
    .option("--batch-size <n>", "images computed at once", wholeNumber(1), 64)
    .option("--num-workers <n>", "decoding workers (default: one fewer than cores, at most 4)", wholeNumber(0));
  addModelFlags(command as unknown as Command);
  return command;
}

/** Loads a model, analyses what it finds in each set, and gives both to `work`. */
export async function analyseModel<T>(
  sets: Validation,
  path: string,
  options: AnalysisOptions & LoadModelOptions,
  work: (model: Model, analyses: PairAnalysis[]) => T,
): Promise<T> {
  using model = await loadModel(path, options);
  const analyses = await showProgress(
    "images",
    (progress) => sets.each(model.backbone, (set, embeddings) => analysePairs(set, embeddings, options), { progress }),
  );
  return work(model, analyses);
}
