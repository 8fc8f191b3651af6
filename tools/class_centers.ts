// deno-lint-ignore-file no-console -- a command prints
/**
 * A model's class centers on a training set: means, standard deviations, mean directions, counts, as .npy files. One pass; memory is
 * three float64 rows per class.
 *
 *     deno run -A tools/class_centers.ts faces_emore --model teacher.pth --out teacher
 *
 * writes teacher_mean.npy, teacher_std.npy, teacher_direction.npy [classes, dim] float32 and teacher_count.npy [classes] int32.
 */
import { openTrainingSet } from "../lib/data/open_training_set.ts";
import { Command } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";
import { classCenters } from "../lib/eval/class_centers.ts";
import { writeNpy } from "../lib/eval/npy.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { loadModel } from "../lib/model/load_model.ts";
import { wholeNumber } from "../lib/train/flag_values.ts";
import { runTool } from "./run_tool.ts";

function refuseExisting(path: string): void {
  try {
    Deno.statSync(path);
  } catch {
    return;
  }
  throw new InputError(`Cannot write ${path}: it exists already; choose another name or give --force to replace it`);
}

if (import.meta.main) {
  const command = new Command("class_centers")
    .description("Writes mean, standard deviation, mean direction and count of a model's embeddings per class.")
    .argument("<set>", "folder with train.rec, .rec, label.txt or folder of folders")
    .requiredOption("--model <path>", "a run's folder, .safetensors, or PyTorch's .pth or .pt")
    .requiredOption("--out <prefix>", "what the names of the files begin with")
    .option("--sample <list>", "only the samples of this list, as tools/sample_dataset.ts writes it")
    .option("--flip", "add the embedding of the mirrored image")
    .option("--batch-size <n>", "images computed at once", wholeNumber(1), 64)
    .option("--num-workers <n>", "decoding workers (default: one fewer than cores, at most 4)", wholeNumber(0))
    .option("--force", "replace the files")
    .action(async (path, { model: modelPath, out, sample, flip, batchSize, numWorkers: workers, force }) => {
      const name = (kind: string) => `${out}_${kind}.npy`;
      if (!force) { for (const kind of ["mean", "std", "direction", "count"]) refuseExisting(name(kind)); }
      using set = openTrainingSet(path, { sample });
      const gpu = await startWebGPU();
      using model = await loadModel(modelPath, { gpu });
      let told = performance.now();
      const onProgress = (done: number, total: number) => {
        if (performance.now() - told < 10_000) return;
        told = performance.now();
        console.error(`${done} of ${total} images`);
      };
      const found = await classCenters(gpu, model.backbone, set, { flip, batchSize, workers, onProgress });
      const shape = [set.classes, found.dim];
      writeNpy(name("mean"), found.means, { shape, force });
      writeNpy(name("std"), found.deviations, { shape, force });
      writeNpy(name("direction"), found.directions, { shape, force });
      writeNpy(name("count"), Int32Array.from(found.counts), { dtype: "int32", force });
      const empty = found.counts.filter((count) => count === 0).length;
      const notes = [
        ...empty > 0 ? [`${empty} classes without images`] : [],
        ...found.corrupt > 0 ? [`${found.corrupt} corrupt images left out`] : [],
      ];
      console.log([`${out}_*.npy: ${set.classes} classes x ${found.dim} of ${set.size} images`, ...notes].join(", "));
    });
  await runTool(command as unknown as Command);
}
