// deno-lint-ignore-file no-console -- a command prints
/** `embed`: embeddings of images as a NumPy array. */
import { Command } from "../lib/deps/commander.ts";
import { openEmbedSources } from "../lib/eval/embed_sources.ts";
import { embedToFile } from "../lib/eval/embed_to_file.ts";
import { readLandmarkList } from "../lib/eval/landmark_list.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { loadModel } from "../lib/model/load_model.ts";
import { wholeNumber } from "../lib/train/flag_values.ts";
import { addModelFlags, modelHints } from "./model_flags.ts";
import { EXIT_INPUT, runCommand } from "./program.ts";
import { showProgress } from "./show_progress.ts";
import { EXIT_INTERRUPTED, stopOnSignal } from "./stop_on_signal.ts";

/** Corrupt images that are named one by one. */
const MOST_NAMED = 10;

/** The command line. */
function program(): Command {
  const command = new Command("embed")
    .description("Writes the embeddings of images as float32 .npy [n, dim], and their names beside it, one per line.")
    .argument("<images...>", "image files and folders of them; or one .rec, folder with a train.rec, label.txt or .bin")
    .requiredOption("--model <path>", "a run's folder, .safetensors, or PyTorch's .pth or .pt")
    .requiredOption("--out <file.npy>", "the array to write; the names go to the same name with .txt")
    .option("--align <landmarks.txt>", "align faces by five landmarks: 'image x1 y1 … x5 y5' per line")
    .option("--flip", "add the embedding of the mirrored image")
    .option("--normalize", "scale embeddings to unit length")
    .option("--skip-corrupt", "leave corrupt images out instead of stopping at the first")
    .option("--batch-size <n>", "images computed at once", wholeNumber(1), 64)
    .option("--num-workers <n>", "decoding workers (default: one fewer than cores, at most 4)", wholeNumber(0))
    .option("--force", "replace the output, and begin anew")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .showSuggestionAfterError()
    .addHelpText(
      "after",
      `
What was interrupted goes on where it stopped when the same command is given again.

Examples:
  embed.ts photos/ --model work_dirs/ms1mv2/exp1 --out photos.npy --normalize
  embed.ts data/faces_emore --model ms1mv3_arcface_r50.pth --out emore.npy --skip-corrupt
  embed.ts lfw.bin --model face.safetensors --out lfw.npy --flip
  embed.ts loose_crop/ --align landmarks.txt --model face.safetensors --out faces.npy`,
    );
  addModelFlags(command as unknown as Command);
  command.action(async (images, options) => {
    const { model: modelPath, out, numWorkers: workers, align, ...rest } = options;
    using sources = openEmbedSources(images);
    const landmarks = align === undefined ? undefined : readLandmarkList(align);
    const gpu = await startWebGPU();
    using model = await loadModel(modelPath, { gpu, ...modelHints(options) });
    const result = await stopOnSignal((signal) =>
      showProgress(
        "images",
        (onProgress) =>
          embedToFile(gpu, model.backbone, sources, out, { ...rest, workers, align: landmarks, onProgress, signal }),
      )
    );
    for (const { name, reason } of result.corrupt.slice(0, MOST_NAMED)) console.error(`left out ${name}: ${reason}`);
    const more = result.corrupt.length - MOST_NAMED;
    if (more > 0) console.error(`left out ${more} more corrupt images`);
    const rate = `${result.imagesPerSecond.toFixed(1)} images/s`;
    if (!result.finished) {
      console.error(`stopped after ${result.rows} of ${sources.count} images, ${rate}; the same command goes on`);
      Deno.exit(EXIT_INTERRUPTED);
    }
    const resumed = result.resumed > 0 ? ` (${result.resumed} images were done before)` : "";
    console.log(`${out}: ${result.rows} x ${result.dim}, ${rate}${resumed}; names in ${result.namesPath}`);
  });
  return command as unknown as Command;
}

if (import.meta.main) {
  await runCommand(async () => {
    if (Deno.args.length > 0) await program().parseAsync(Deno.args, { from: "user" });
    else program().outputHelp();
    Deno.exit(Deno.args.length > 0 ? 0 : EXIT_INPUT);
  });
}
