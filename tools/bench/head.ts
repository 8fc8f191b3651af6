import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { alternate } from "./alternate.ts";
import { MemoryMeter } from "./memory_meter.ts";
import { sideFigures } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";
import { startTorch, torchSideOf } from "./peers.ts";
import type { Report } from "./report.ts";
import { TrainingSides } from "./training_sides.ts";

/** Batches that are timed unless one is named. */
const BATCHES = [64, 512];

/** Length of an embedding. */
const DIM = 512;

/** What is there anyhow, for each value of a class: weight, momentum, center. */
const KEPT = 3;

/**
 * The head as in training: forward, backward, SGD of the class weights; ours against the same with tfjs's own operations, where its
 * tables fit a binding, and PyTorch. `extra_mb` is the most of the GPU's memory that a step of ours has besides weights, momentum
 * and centers.
 */
export async function benchHead(gpu: Gpu, options: BenchOptions, report: Report): Promise<void> {
  const { batchSize, classes = 85742 } = options;
  // One for all batches: what a pool keeps of the last serves the next, and counts.
  using meter = new MemoryMeter(gpu.device);
  await using torch = await startTorch(options, report);
  for (const batch of batchSize === undefined ? BATCHES : [batchSize]) {
    await benchOne(gpu, options, report, { classes, batch, torch, meter });
  }
}

interface OneHead {
  readonly classes: number;
  readonly batch: number;
  readonly torch: Awaited<ReturnType<typeof startTorch>>;
  readonly meter: MemoryMeter;
}

async function benchOne(
  gpu: Gpu,
  { runs, stock, stockLimit, width, imageSize }: BenchOptions,
  report: Report,
  { classes, batch, torch, meter }: OneHead,
): Promise<void> {
  const sides = new TrainingSides(gpu, { model: undefined, width, imageSize, classes, batch, embeddingSize: DIM });
  try {
    await sides.step();
    await sides.step();
    meter.resetPeak();
    await sides.step();
    const extra = meter.peak - KEPT * 4 * classes * DIM;
    const largest = 4 * classes * Math.max(DIM, batch);
    // tfjs binds whole tensors.
    const fits = largest <= gpu.device.limits.maxStorageBufferBindingSize;
    const peer = await torchSideOf(torch, sides, report);
    const times = await alternate([
      { ...sides.ours(), warmUps: 0 },
      ...(stock && fits ? [sides.stock(stockLimit)] : []),
      ...(peer ? [peer.side] : []),
    ], { runs });
    const name = `head ${classes} classes batch ${batch}`;
    if (stock && !fits) {
      times.set("stock", { times: [], leftOut: "left out: a table is larger than a binding", seconds: 0 });
    }
    report.add(name, {
      ...sideFigures(times),
      extra_mb: extra / 1e6,
      ...(peer && { pytorch: `${peer.model.torch} ${peer.model.device}` }),
    });
    const { leftOut } = times.get("stock") ?? {};
    if (leftOut !== undefined) report.note(`stock tfjs, ${name}: ${leftOut}`);
  } finally {
    sides.dispose();
  }
}
