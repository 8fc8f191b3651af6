import type { AtomicFileOptions } from "../data/atomic_file.ts";
import { InputError } from "../errors.ts";
import { findModelFile } from "./load_model.ts";
import { asTensorData, modelMetadata } from "./model_file.ts";
import type { NetworkFacts } from "./network_plan.ts";
import { writeOnnx } from "./onnx.ts";
import { type ModelHints, readModel, type StoredModel } from "./read_model.ts";
import { writeSafetensors } from "./safetensors.ts";
import { writeTorchCheckpoint } from "./write_torch_checkpoint.ts";

/** Formats that a model is exported to. */
export type ExportFormat = "onnx" | "safetensors" | "pth";

/** How a model is exported. */
export interface ExportOptions extends AtomicFileOptions, ModelHints {
  /** Takes batch-norms into the convolutions beside them; ONNX only. @default false */
  readonly fold?: boolean;
}

/** What was exported. */
export interface ExportedModel extends NetworkFacts {
  /** The file its weights came from. */
  readonly source: string;
  /** The file that was written. */
  readonly path: string;
  /** Its format. */
  readonly format: ExportFormat;
  /** Bytes of it. */
  readonly bytes: number;
}

const FORMATS: Readonly<Record<string, ExportFormat>> = {
  onnx: "onnx",
  safetensors: "safetensors",
  pth: "pth",
  pt: "pth",
};

/** Metadata of a checkpoint that are of no use, or not true, outside of its run. */
const OF_THE_RUN = ["format", "format_version", "run_state", "run_identity", "adapter", "layout"];

/**
 * Writes the backbone of a model in another format, by the output's ending: `.onnx` for other runtimes, `.safetensors` with all that
 * is known of it, `.pth` for PyTorch. Needs no GPU.
 *
 * @throws {InputError} if the model cannot be read, the ending is another, or the output is there already and `force` is not given.
 *
 * @example
 * ```ts ignore
 * import { exportModel } from "./export_model.ts";
 *
 * const { model, bytes } = exportModel("work_dirs/demo/exp1", "face.onnx", { fold: true });
 * console.log(model, bytes);
 * ```
 */
export function exportModel(source: string, path: string, options: ExportOptions = {}): ExportedModel {
  const { fold = false, force, ...hints } = options;
  const format = FORMATS[/\.([a-z]+)$/i.exec(path)?.[1].toLowerCase() ?? ""];
  if (format === undefined) {
    throw new InputError(`Cannot export to ${path}: expected a name ending in .onnx, .safetensors or .pth; choose one`);
  }
  if (fold && format !== "onnx") {
    throw new InputError(
      `Cannot fold batch-norms in ${path}: expected an .onnx file, found .${format}, whose names are PyTorch's; leave out --fold`,
    );
  }
  const file = findModelFile(source);
  const stored = readModel(file, hints);
  if (format === "onnx") writeOnnx(path, stored, { fold, force, metadata: trainingTexts(stored) });
  else {
    const tensors = asTensorData(stored.state);
    if (format === "pth") writeTorchCheckpoint(path, tensors, { force });
    else {writeSafetensors(path, tensors, { ...trainingTexts(stored), ...modelMetadata(stored) }, {
        force: force ?? false,
      });}
  }
  const { model, width, imageSize, embeddingSize } = stored;
  return {
    ...{ model, width, imageSize, embeddingSize },
    ...{ source: file, path, format, bytes: Deno.statSync(path).size },
  };
}

/** What a file says of the training it comes from. */
function trainingTexts({ metadata }: StoredModel): Record<string, string> {
  const texts = Object.entries(metadata).filter(([name]) => !OF_THE_RUN.includes(name));
  if (metadata.run_state === undefined) return Object.fromEntries(texts);
  try {
    const { epoch, step } = JSON.parse(metadata.run_state);
    texts.unshift(["epoch", String(epoch)], ["step", String(step)]);
  } catch { /* another program's text of this name */ }
  return Object.fromEntries(texts);
}
