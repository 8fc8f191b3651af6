// deno-lint-ignore-file no-console -- a command prints
import { exists } from "../lib/data/exists.ts";
import type { Command } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";
import { pairTable } from "../lib/eval/pair_table.ts";
import { pairReport } from "../lib/eval/report/pair_report.ts";
import { checkReportFolder, writePairReport } from "../lib/eval/report/write_pair_report.ts";
import { Validation } from "../lib/eval/validation.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { findModelFile } from "../lib/model/load_model.ts";
import { modelFacts } from "../lib/model/model_facts.ts";
import { readOptionsFile } from "../lib/train/options_file.ts";
import { VERSION } from "../lib/train/version.ts";
import { rate, wholeNumber } from "../lib/train/flag_values.ts";
import { modelHints } from "./model_flags.ts";
import { analyseModel, pairCommand } from "./pair_command.ts";

/** Adds `verify report`. */
export function addReportCommand(verify: Command): void {
  pairCommand(
    verify,
    "report",
    "Verifies as pairs does and writes a page: figures, ROC, histograms, the hardest errors with their images; and its plots and numbers.",
  )
    .requiredOption("--out <folder>", "where report.html, report.json and the plots (SVG, PNG) go")
    .option("--threshold-at-fpr <rate>", "the false positive rate of the thresholds to deploy", rate, 1e-3)
    .option("--errors <n>", "hardest errors of each kind and set that are shown", wholeNumber(0), 8)
    .option("--force", "replace an earlier report")
    .action(async ({ model: path, data, numWorkers: workers, out, force, ...options }) => {
      const folder = out.replace(/(?<=.)\/+$/, "");
      checkReportFolder(folder, { force });
      const training = trainingOptions(findModelFile(path));
      const gpu = await startWebGPU();
      using sets = new Validation(gpu, data, { ...options, workers });
      for (const reason of sets.leftOut) console.error(`warning: ${reason}; left out`);
      const hints = modelHints(options);
      const { analyses, model } = await analyseModel(
        sets,
        path,
        { ...options, gpu, ...hints },
        (model, analyses) => ({ analyses, model: modelFacts(model) }),
      );
      const { flip = false, distance, folds, pca, resamples, seed, batchSize, thresholdAtFpr, errors } = options;
      const asked = { data, flip, distance, folds, pca, resamples, seed, batchSize, thresholdAtFpr, errors, ...hints };
      const report = pairReport(analyses, {
        program: `centerbias ${VERSION}`,
        model,
        options: asked,
        training,
        leftOut: sets.leftOut,
      }, options);
      const { page, json, plots } = await writePairReport(folder, report, sets.sets, { force });
      console.log(`${pairTable(analyses)}\n${[page, json, ...plots].join("\n")}`);
    });
}

/** The options of the run whose folder a model is in, where there are some that can be read. */
function trainingOptions(model: string): Record<string, unknown> | undefined {
  const path = `${model.slice(0, Math.max(model.lastIndexOf("/"), model.lastIndexOf("\\")) + 1)}hparam.yaml`;
  if (!exists(path)) return undefined;
  try {
    return { ...readOptionsFile(path) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(`warning: ${error.message}; the report is without the options of the training`);
    return undefined;
  }
}
