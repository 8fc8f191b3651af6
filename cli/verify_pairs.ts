// deno-lint-ignore-file no-console -- a command prints
import { type Command, Option } from "../lib/deps/commander.ts";
import { analysePairs } from "../lib/eval/analyse_pairs.ts";
import {
  analysisJsonLines,
  analysisRows,
  comparisonTable,
  deployTable,
  intervalTable,
} from "../lib/eval/analysis_tables.ts";
import { compareModels } from "../lib/eval/compare_models.ts";
import { deployThresholds } from "../lib/eval/deploy_threshold.ts";
import { pairTable } from "../lib/eval/pair_table.ts";
import { Validation } from "../lib/eval/validation.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { loadModel } from "../lib/model/load_model.ts";
import { rate, wholeNumber } from "../lib/train/flag_values.ts";
import { addModelFlags, modelHints } from "./model_flags.ts";
import { showProgress } from "./show_progress.ts";

/** Adds `verify pairs`. */
export function addPairsCommand(verify: Command): void {
  const pairs = verify.command("pairs")
    .description("Accuracy (ten folds), VAL at a false accept rate of 0.001, AUC and EER on .bin sets of pairs.")
    .requiredOption("--model <path>", "a run's folder (its best model), a .safetensors model or a checkpoint")
    .requiredOption("--data <path...>", ".bin files or folders of them")
    .option("--flip", "add the embedding of the mirrored image")
    .addOption(
      new Option("--distance <name>", "distance the accuracy is made on").choices(["cosine", "euclidean"])
        .default("cosine"),
    )
    .option("--folds <n>", "folds of the protocol", wholeNumber(2), 10)
    .option("--pca <n>", "compare in so many principal axes, fitted on the other folds", wholeNumber(1))
    .option("--compare <path>", "another model, tested against this one on the same pairs")
    .option("--threshold-at-fpr <rate>", "a threshold to deploy: the similarity for this false positive rate", rate)
    .option("--resamples <n>", "resamples of the pairs, for the 95 % intervals", wholeNumber(100), 1000)
    .option("--seed <n>", "of the resamples", wholeNumber(0), 21)
    .option("--batch-size <n>", "images computed at once", wholeNumber(1), 64)
    .option("--num-workers <n>", "decoding workers (default: one fewer than cores, at most 4)", wholeNumber(0))
    .option("--json", "print JSON lines, one per set, in shares of 1");
  addModelFlags(pairs as unknown as Command);
  pairs.action(async ({ model: path, data, numWorkers: workers, json, compare, thresholdAtFpr, ...options }) => {
    const gpu = await startWebGPU();
    using sets = new Validation(gpu, data, { ...options, workers });
    for (const reason of sets.leftOut) console.error(`warning: ${reason}; left out`);
    const analyse = async (path: string) => {
      using model = await loadModel(path, { gpu, ...modelHints(options) });
      const analyses = await showProgress(
        "images",
        (progress) =>
          sets.each(model.backbone, (set, embeddings) => analysePairs(set, embeddings, options), { progress }),
      );
      return { path: model.path, analyses };
    };
    const own = await analyse(path);
    const other = compare === undefined ? undefined : await analyse(compare);
    const comparisons = other && compareModels(own.analyses, other.analyses);
    const deploys = thresholdAtFpr === undefined ? undefined : deployThresholds(own.analyses, thresholdAtFpr, options);
    const rows = analysisRows(own.analyses, { comparisons, deploys });
    if (json) return console.log(analysisJsonLines(rows));
    const { flip, distance, folds, pca, resamples } = options;
    const axes = pca === undefined ? "" : `, ${pca} principal axes`;
    console.log(`${own.path}${flip ? ", with mirrored images" : ""}, distance ${distance}, ${folds} folds${axes}`);
    console.log(`${pairTable(own.analyses)}\n${intervalTable(rows)}\n${resamples} resamples of the pairs`);
    if (comparisons) console.log(`\nthe other is ${other!.path}\n${comparisonTable(comparisons)}`);
    if (deploys) console.log(`\n${deployTable(deploys)}`);
  });
}
