// deno-lint-ignore-file no-console -- a command prints
import type { Command } from "../lib/deps/commander.ts";
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
import { rate } from "../lib/train/flag_values.ts";
import { modelHints } from "./model_flags.ts";
import { analyseModel, pairCommand } from "./pair_command.ts";

/** Adds `verify pairs`. */
export function addPairsCommand(verify: Command): void {
  pairCommand(
    verify,
    "pairs",
    "Accuracy (ten folds), VAL at a false accept rate of 0.001, AUC and EER on .bin sets of pairs.",
  )
    .option("--compare <path>", "another model, tested against this one on the same pairs")
    .option("--threshold-at-fpr <rate>", "a threshold to deploy: the similarity for this false positive rate", rate)
    .option("--json", "print JSON lines, one per set, in shares of 1")
    .action(async ({ model: path, data, numWorkers: workers, json, compare, thresholdAtFpr, ...options }) => {
      const gpu = await startWebGPU();
      using sets = new Validation(gpu, data, { ...options, workers });
      for (const reason of sets.leftOut) console.error(`warning: ${reason}; left out`);
      const analyse = (path: string) =>
        analyseModel(sets, path, { ...options, gpu, ...modelHints(options) }, (model, analyses) => {
          return { path: model.path, analyses };
        });
      const own = await analyse(path);
      const other = compare === undefined ? undefined : await analyse(compare);
      const comparisons = other && compareModels(own.analyses, other.analyses);
      const deploys = thresholdAtFpr === undefined
        ? undefined
        : deployThresholds(own.analyses, thresholdAtFpr, options);
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
