import { parseTrainFlags } from "./train_flags.ts";
import { openTrainingSet } from "../lib/data/open_training_set.ts";
import { InputError } from "../lib/errors.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { checkMemory, type MemoryCheck, memoryTable, refusal } from "../lib/train/memory_check.ts";
import { resolveTrainOptions } from "../lib/train/resolve_options.ts";

/** A run's memory, and what there is to say of it. */
export interface PlanReport extends MemoryCheck {
  /** Name of the adapter. */
  readonly adapter: string;
  /** Number of classes it was planned for. */
  readonly classes: number;
  /** Lines for the reader. */
  readonly lines: readonly string[];
  /** Why it would be refused. */
  readonly problem: string | undefined;
}

/**
 * What a run would take: `args` are the options of `train`, and `--classes` where there is no `--data` to count them in.
 *
 * @throws {InputError} for an option that train would refuse.
 */
export async function planRun(args: readonly string[]): Promise<PlanReport> {
  const rest = [...args];
  let classes: number | undefined;
  const at = rest.findIndex((word) => word === "--classes" || word.startsWith("--classes="));
  if (at >= 0) {
    const [word] = rest.splice(at, 1);
    const value = word.includes("=") ? word.slice(word.indexOf("=") + 1) : rest.splice(at, 1)[0];
    classes = Number(value);
    if (!(Number.isInteger(classes) && classes >= 1 && classes < 2 ** 31)) {
      throw new InputError(`Cannot use option --classes: expected a whole number of at least 1, found ${value}`);
    }
  }
  const sources = parseTrainFlags(rest);
  // Without data a run is the one on synthetic faces, with options of its own.
  const flags = classes === undefined ? sources.flags : { data: "a set", ...sources.flags };
  const options = resolveTrainOptions({ ...sources, flags });
  if (classes === undefined) {
    if (options.data === undefined) {
      throw new InputError(
        "Cannot plan a run: expected --classes <n>, or --data with a set to count them in, found neither",
      );
    }
    using set = openTrainingSet(options.data);
    classes = set.classes;
  }
  const gpu = await startWebGPU();
  const check = checkMemory(gpu, options, classes);
  const { model, width, imageSize, batchSize, accumulate, embeddingSize } = options;
  const atOnce = Math.ceil(batchSize / accumulate);
  const lines = [
    `adapter  ${gpu.adapter.name}`,
    `run      ${model}, width ${width}, images ${imageSize}x${imageSize}, ${atOnce} at once, ${classes} classes of ${embeddingSize} values`,
    ...memoryTable(check, gpu.adapter),
    ...check.available === undefined ? ["how much the adapter has is not known"] : [],
  ];
  const problem = check.fits ? undefined : refusal(check, options, gpu.adapter).message;
  return { ...check, adapter: gpu.adapter.name, classes, lines, problem };
}
