// deno-lint-ignore-file no-console -- a command prints
/**
 * Chooses some samples of a training set, for trials; `train --sample FILE` trains on them. Nothing is copied.
 *
 *     deno run --allow-read --allow-write tools/sample_dataset.ts faces_emore tenth.txt --kind stf --share 0.1
 */
import { chooseSamples, type SampleKind } from "../lib/data/choose_samples.ts";
import { openTrainingSet } from "../lib/data/open_training_set.ts";
import { sampleLabels } from "../lib/data/sample_labels.ts";
import { writeSampleList } from "../lib/data/sample_list.ts";
import { Command, InvalidArgumentError, Option } from "../lib/deps/commander.ts";
import { wholeNumber } from "../lib/train/flag_values.ts";
import { runTool } from "./run_tool.ts";

function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && value <= 1) return value;
  throw new InvalidArgumentError("Expected a share above 0 and at most 1, such as 0.1.");
}

if (import.meta.main) {
  const command = new Command("sample_dataset")
    .description("Writes a list of some of a training set's samples, for train --sample.")
    .argument("<set>", "folder with train.rec, .rec, label.txt or folder of folders")
    .argument("<list>", "the list to write")
    .addOption(
      new Option("--kind <kind>", "stf: the same share of every class; class: all of a share of the classes")
        .choices(["stf", "class"]).default("stf"),
    )
    .requiredOption("--share <share>", "how much is taken, at least one of each", share)
    .option("--seed <n>", "of the draw", wholeNumber(0), 21)
    .option("--force", "replace the list")
    .action((path, list, { kind, share, seed, force }) => {
      using set = openTrainingSet(path);
      const labels = sampleLabels(set);
      const samples = chooseSamples(labels, { kind: kind as SampleKind, share, seed });
      writeSampleList(list, { samples, of: set.size }, `${kind} ${share}, seed ${seed}`, { force });
      const classes = new Set(Array.from(samples, (sample) => labels[sample])).size;
      console.log(`${list}: ${samples.length} of ${set.size} samples, of ${classes} of ${set.classes} classes`);
    });
  await runTool(command as unknown as Command);
}
