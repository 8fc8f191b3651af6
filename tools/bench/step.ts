import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { tune } from "../../lib/gpu/tuner.ts";
import { askedPasses } from "../../lib/nn/asked_passes.ts";
import { alternate } from "./alternate.ts";
import { sideFigures } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";
import { startTorch, torchSideOf } from "./peers.ts";
import type { Report } from "./report.ts";
import { TrainingSides } from "./training_sides.ts";

/** The backbones that are timed unless one is named. */
const MODELS = ["iresnet18", "iresnet50", "mbf"];

/**
 * Training steps: forward, backward and SGD under a center-bias head, ours against stock tfjs on the same adapter and PyTorch on the same
 * machine. Stock tfjs is slow: it gets a batch of its own, at which ours and PyTorch are timed once more.
 */
export async function benchStep(gpu: Gpu, options: BenchOptions, report: Report): Promise<void> {
  const { model, batchSize = 8, stock, stockBatchSize } = options;
  await using torch = await startTorch(options, report);
  for (const name of model === undefined ? MODELS : [model]) {
    const batches = stock ? new Set([batchSize, stockBatchSize]) : [batchSize];
    for (const batch of batches) {
      await benchOne(gpu, options, report, { name, batch, withStock: stock && batch === stockBatchSize, torch });
    }
  }
}

interface OneStep {
  readonly name: string;
  readonly batch: number;
  readonly withStock: boolean;
  readonly torch: Awaited<ReturnType<typeof startTorch>>;
}

async function benchOne(
  gpu: Gpu,
  options: BenchOptions,
  report: Report,
  { name, batch, withStock, torch }: OneStep,
): Promise<void> {
  const { width, imageSize, classes = 1000, runs, stockLimit, tune: seconds } = options;
  const sides = new TrainingSides(gpu, { model: name, width, imageSize, classes, batch });
  try {
    if (seconds !== undefined) {
      const passes = askedPasses(gpu, sides.backbone, batch);
      const tuned = await tune(gpu, passes, { budget: seconds });
      report.progress(`tuned ${tuned.length} of ${passes.length} convolutions of ${name}`);
    }
    const began = performance.now();
    await sides.step();
    const first = performance.now() - began;
    const peer = await torchSideOf(torch, sides, report);
    const times = await alternate([
      { ...sides.ours(), warmUps: 1 },
      ...(withStock ? [sides.stock(stockLimit)] : []),
      ...(peer ? [peer.side] : []),
    ], { runs });
    const figures = sideFigures(times);
    report.add(`step ${name}${dialText(width, imageSize)} batch ${batch}`, {
      ...figures,
      images_per_second: 1000 * batch / Number(figures.ours_ms),
      first_ms: first,
      ...(peer && { pytorch: `${peer.model.torch} ${peer.model.device}` }),
    });
    const { leftOut } = times.get("stock") ?? {};
    if (leftOut !== undefined) report.note(`stock tfjs, ${name} batch ${batch}: ${leftOut}`);
  } finally {
    sides.dispose();
  }
}

/** What is not as usual of a network. */
export function dialText(width: number, imageSize: number): string {
  return `${width === 1 ? "" : ` width ${width}`}${imageSize === 112 ? "" : ` ${imageSize}x${imageSize}`}`;
}
