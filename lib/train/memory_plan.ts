import type { AdapterFacts } from "../gpu/adapter.ts";
import type { ConvChoices } from "../gpu/conv_choices.ts";
import { onPaper } from "../gpu/paper_device.ts";
import { createHead } from "../head/create_head.ts";
import { createBackbone } from "../nn/backbone.ts";
import { batchParts, blankBatch } from "./batch_parts.ts";
import type { TrainOptions } from "./options.ts";
import { TrainingStep } from "./training_step.ts";

/** What a run takes on its adapter, in bytes. */
export interface MemoryPlan {
  /** Weights and running statistics of the network. */
  readonly weights: number;
  /** Their velocities. */
  readonly optimizer: number;
  /** Class weights, their velocities, and centers. */
  readonly head: number;
  /** Everything a step makes: images, activations kept for the backward pass, gradients, scratch. */
  readonly activations: number;
  /** Copies that kernels read in place of buffers; none on GPUs. */
  readonly copies: number;
  /** All of these. */
  readonly total: number;
  /** Decoded batches waiting in the machine's own memory; where the adapter is the processor, they come on top. */
  readonly loader: number;
}

/** Steps that are taken on paper: from the second on, what was given back serves again. */
const STEPS = 3;
/** Batches a loader keeps: the one in use and those decoded ahead. */
const LOADED_BATCHES = 5;

/**
 * How much memory training takes, found by taking a few steps on paper: the run's own commands on a device that only counts. Nothing is
 * computed, and no memory is needed.
 */
export function planMemory(
  machine: { readonly adapter: AdapterFacts; readonly choices: ConvChoices },
  options: TrainOptions,
  classes: number,
): MemoryPlan {
  const { imageSize, batchSize, accumulate } = options;
  return onPaper(machine, (gpu, memory) => {
    const backbone = createBackbone(gpu, options.model, options);
    const weights = memory.bytes;
    const head = createHead(gpu, options.headType, { ...options, classes });
    const headTables = memory.bytes - weights;
    const step = new TrainingStep(gpu, backbone, head, options);
    const resting = memory.bytes;
    const velocity = head.parameters.size * 4;
    const batch = blankBatch(imageSize, batchSize);
    for (let i = 0; i < STEPS; i++) step.run(batchParts(gpu, batch, imageSize, accumulate), 0.1);
    const copies = memory.texturePeak;
    const total = memory.peak;
    [step, head, backbone].forEach((one) => one.dispose());
    return {
      weights,
      optimizer: resting - weights - headTables - velocity,
      head: headTables + velocity,
      activations: total - resting - copies,
      copies,
      total,
      loader: LOADED_BATCHES * batch.images.length,
    };
  });
}

/** The largest batch, of at most `options.batchSize` images, that fits `available` bytes; undefined if not even one image does. */
export function fittingBatch(
  machine: { readonly adapter: AdapterFacts; readonly choices: ConvChoices },
  options: TrainOptions,
  classes: number,
  available: number,
): number | undefined {
  const fits = (batchSize: number) =>
    needed(planMemory(machine, { ...options, batchSize, accumulate: 1 }, classes), machine.adapter) <= available;
  if (!fits(1)) return undefined;
  let low = 1, high = Math.ceil(options.batchSize / options.accumulate);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Bytes of the memory the adapter has: where it is the processor, the loader's are of the same. */
export function needed({ total, loader }: MemoryPlan, { software }: AdapterFacts): number {
  return software ? total + loader : total;
}
