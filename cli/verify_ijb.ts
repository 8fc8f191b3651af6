// deno-lint-ignore-file no-console -- a command prints
import { type Command, Option } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";
import { IJB_TARGETS, type IjbSet, type IjbTarget, readIjbSet } from "../lib/eval/ijb/ijb_set.ts";
import { readIjbProtocol } from "../lib/eval/ijb/ijb_protocol.ts";
import { ijbJson, ijbTables } from "../lib/eval/ijb/ijb_tables.ts";
import { embedIjb, evaluateIjb, writeIjbResult } from "../lib/eval/ijb/run_ijb.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { loadModel } from "../lib/model/load_model.ts";
import { wholeNumber } from "../lib/train/flag_values.ts";
import { addModelFlags, modelHints } from "./model_flags.ts";
import { showProgress } from "./show_progress.ts";
import { EXIT_INTERRUPTED, stopOnSignal } from "./stop_on_signal.ts";

/** What `ijb` is told. */
interface IjbFlags extends Record<string, unknown> {
  readonly target: IjbTarget;
  readonly root: string;
  readonly model?: string;
  readonly embeddings?: string;
  readonly out: string;
  readonly flip: boolean;
  readonly detectorScore: boolean;
  readonly batchSize: number;
  readonly numWorkers?: number;
  readonly json?: boolean;
}

/** Adds `verify ijb`. */
export function addIjbCommand(verify: Command): void {
  const ijb = verify.command("ijb")
    .description("TPR at FPR 1e-6 … 1e-1 on templates of IJB-B or IJB-C, and 1:N where its lists are there.")
    .addOption(new Option("--target <name>", "which benchmark").choices([...IJB_TARGETS]).makeOptionMandatory())
    .requiredOption("--root <folder>", "the folder with meta and loose_crop")
    .option("--model <path>", "a run's folder (its best model), .safetensors, or PyTorch's .pth or .pt")
    .option("--embeddings <file.npy>", "in place of a model: float32 [images, dim], in the order of face_tid_mid")
    .option("--out <folder>", "where embeddings (for the next time), scores, table and plot go", "work_dirs/ijb")
    .option("--no-flip", "do not add the embedding of the mirrored image")
    .option("--no-detector-score", "do not multiply embeddings by the detector's score")
    .option("--batch-size <n>", "images computed at once", wholeNumber(1), 64)
    .option("--num-workers <n>", "decoding workers (default: one fewer than cores, at most 4)", wholeNumber(0))
    .option("--json", "print JSON, in shares of 1")
    .action(async (given: Record<string, unknown>) => {
      const flags = given as IjbFlags;
      const { target, root, json } = flags;
      if ((flags.model === undefined) === (flags.embeddings === undefined)) {
        throw new InputError(
          `Cannot verify on ${target}: expected one of --model and --embeddings, found ${
            flags.model ? "both" : "neither"
          }`,
        );
      }
      const set = readIjbSet(target, root, { images: flags.embeddings === undefined });
      const protocol = readIjbProtocol(set);
      const { missing, galleries } = protocol;
      if (missing.length > 0) {
        const what = galleries.length === 0 ? "1:N" : "a gallery of 1:N";
        console.error(`${what} is left out: there is no ${missing.join(", ")}`);
      }
      const { folder, path } = flags.embeddings === undefined
        ? await embedWithModel(set, flags)
        : { folder: givenFolder(flags), path: flags.embeddings };
      const result = evaluateIjb(set, path, { detectorScore: flags.detectorScore, protocol });
      const files = await writeIjbResult(folder, set, result);
      if (json) {
        return console.log(JSON.stringify({ ...ijbJson(target, result), embeddings: path, ...files }, undefined, 2));
      }
      console.log(`${path}: ${set.names.length} images`);
      console.log(ijbTables(target, result));
      console.log(Object.values(files).join("\n"));
    });
  addModelFlags(ijb);
}

/** Embeds what is not embedded yet; ends the process when it was interrupted. */
async function embedWithModel(set: IjbSet, flags: IjbFlags): Promise<{ folder: string; path: string }> {
  const gpu = await startWebGPU();
  using model = await loadModel(flags.model!, { gpu, ...modelHints(flags) });
  const { flip, batchSize, numWorkers: workers } = flags;
  const done = await stopOnSignal((signal) =>
    showProgress(
      "images",
      (onProgress) => embedIjb(gpu, model.backbone, set, flags.out, { flip, batchSize, workers, onProgress, signal }),
    )
  );
  if (!done.finished) {
    console.error("stopped; the same command goes on");
    Deno.exit(EXIT_INTERRUPTED);
  }
  if (done.cached > 0) console.error(`${done.cached} of ${set.names.length} images were embedded before`);
  return done;
}

function givenFolder({ embeddings, out, target }: IjbFlags): string {
  const name = embeddings!.slice(Math.max(embeddings!.lastIndexOf("/"), embeddings!.lastIndexOf("\\")) + 1);
  return `${out.replace(/(?<=.)\/+$/, "")}/${target.toLowerCase()}_${name.replace(/\.npy$/i, "")}`;
}
