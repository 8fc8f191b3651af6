// deno-lint-ignore-file no-console -- a command prints
/**
 * Every class of a run by its center bias, with its margin, its images and the classes nearest to it: a list for cleaning the data.
 *
 *     deno run -A tools/class_report.ts work_dirs/ms1mv2/exp1 --out classes
 *
 * writes classes.csv (all classes) and classes.html (those of most bias).
 */
import { writeFileAtomic } from "../lib/data/atomic_file.ts";
import { openTrainingSet } from "../lib/data/open_training_set.ts";
import { sampleLabels } from "../lib/data/sample_labels.ts";
import { Command } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";
import { NpyReader } from "../lib/eval/npy.ts";
import { readCheckpoint } from "../lib/train/checkpoint.ts";
import { checkpointNames } from "../lib/train/checkpoint_folder.ts";
import { classHardness } from "../lib/train/class_hardness.ts";
import { classReport, classReportCsv, classReportHtml } from "../lib/train/class_report.ts";
import { wholeNumber } from "../lib/train/flag_values.ts";
import { parseTrainOptions } from "../lib/train/options.ts";
import { readOptionsFile } from "../lib/train/options_file.ts";
import { runTool } from "./run_tool.ts";

function newest(run: string): string {
  const name = checkpointNames(run).at(-1);
  if (name !== undefined) return `${run}/${name}`;
  throw new InputError(`Cannot report on the classes of ${run}: expected a checkpoint, found none; train it first`);
}

/** Images and names of the classes of a set. */
function lookAtSet(path: string, classes: number, sample?: string): { counts: Uint32Array; names?: readonly string[] } {
  using set = openTrainingSet(path, { sample });
  if (set.classes !== classes) {
    throw new InputError(
      `Cannot report on the classes of ${path}: expected ${classes} classes, as the run has, found ${set.classes}; give the run's set`,
    );
  }
  const counts = new Uint32Array(classes);
  for (const label of sampleLabels(set)) counts[label]++;
  using whole = openTrainingSet(path);
  return { counts, names: "classNames" in whole ? whole.classNames as readonly string[] : undefined };
}

function readCenters(path: string, classes: number): Float32Array {
  using file = NpyReader.open(path, { dtype: "float32", shape: [classes, undefined] });
  return file.readRows(0, file.rows) as Float32Array;
}

if (import.meta.main) {
  const command = new Command("class_report")
    .description("Writes every class's center bias, margin, images and nearest classes, as CSV and HTML.")
    .argument("<run>", "the run's folder")
    .requiredOption("--out <prefix>", "what the names of the two files begin with")
    .option(
      "--data <set>",
      "the training set, to count images and name classes (default: the run's, where it is there)",
    )
    .option(
      "--centers <file.npy>",
      "centers in place of the head's own, such as tools/class_centers.ts writes (…_mean.npy)",
    )
    .option("--nearest <n>", "nearest classes listed", wholeNumber(0), 3)
    .option("--top <n>", "classes of most bias on the page, and with nearest classes", wholeNumber(1), 1000)
    .option("--force", "replace the files")
    .action((given, { out, data, centers, nearest, top, force }) => {
      const run = given.replace(/(?<=.)\/+$/, "");
      const options = parseTrainOptions({ ...readOptionsFile(`${run}/hparam.yaml`), resume: undefined });
      const checkpoint = readCheckpoint(newest(run));
      const { classes } = checkpoint.identity;
      const hardness = classHardness(
        checkpoint,
        options,
        centers === undefined ? undefined : readCenters(centers, classes),
      );
      const set = data ?? options.data;
      const facts = set === undefined ? {} : lookAtSet(set, classes, options.sample);
      const rows = classReport(hardness, { ...facts, nearest, top });
      const encoder = new TextEncoder();
      writeFileAtomic(`${out}.csv`, encoder.encode(classReportCsv(rows)), { force });
      const source = `${checkpoint.path}${set === undefined ? "" : `, ${set}`}`;
      writeFileAtomic(`${out}.html`, encoder.encode(classReportHtml(rows, { source, t: hardness.t }, top)), { force });
      console.log(
        `${out}.csv, ${out}.html: ${rows.length} classes, bias ${rows.at(-1)!.bias.toFixed(4)} to ${
          rows[0].bias.toFixed(4)
        }`,
      );
    });
  await runTool(command as unknown as Command);
}
