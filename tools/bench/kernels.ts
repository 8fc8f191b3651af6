import * as tf from "../../lib/deps/tfjs.ts";
import { KernelProfiler } from "../../lib/gpu/kernel_profiler.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import type { Tensor } from "../../lib/gpu/tensor.ts";
import { planNetwork } from "../../lib/model/network_plan.ts";
import { alternate } from "./alternate.ts";
import { type Ceilings, measureCeilings } from "./ceiling.ts";
import { hasDeviceClock, kernelMilliseconds, repeatedRun } from "./kernel_time.ts";
import { kernelFlops } from "./kernel_work.ts";
import { layerPasses } from "./layer_passes.ts";
import { layerShapes } from "./layer_shapes.ts";
import { type Figures, sideFigures, spread } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";
import type { Report } from "./report.ts";
import { dialText } from "./step.ts";
import { TrainingSides } from "./training_sides.ts";

/**
 * What the adapter does at best; every shape of a model's layers by itself against stock tfjs; every kernel of ours in a whole step, by
 * the device's clock. Each with its rate and its share of the ceiling.
 */
export async function benchKernels(gpu: Gpu, options: BenchOptions, report: Report): Promise<void> {
  const ceilings = await measureCeilings(gpu);
  report.add("ceiling multiply-add of vectors", { ours_ms: ceilings.arithmeticMs, gflops: ceilings.gflops });
  report.add("ceiling copy", { ours_ms: ceilings.copyMs, gb_per_second: ceilings.gbPerSecond });
  await benchLayers(gpu, options, report, ceilings);
  if (hasDeviceClock(gpu)) await benchStepKernels(gpu, options, report, ceilings);
  else report.note("kernels of a step: left out, the adapter has no clock (timestamp-query)");
}

/** GFLOP/s or GB/s, and the share of the ceiling. */
function rates(ms: number, work: { flops?: number; bytes?: number }, { gflops, gbPerSecond }: Ceilings): Figures {
  if (work.flops !== undefined) {
    const rate = work.flops / ms / 1e6;
    return { gflops: rate, ceiling_share: rate / gflops };
  }
  const rate = work.bytes! / ms / 1e6;
  return { gb_per_second: rate, ceiling_share: rate / gbPerSecond };
}

async function benchLayers(gpu: Gpu, options: BenchOptions, report: Report, ceilings: Ceilings): Promise<void> {
  const { model = "iresnet18", width, imageSize, batchSize: batch = 8, runs, stock, stockLimit } = options;
  const shapes = layerShapes(planNetwork({ model, width, imageSize, embeddingSize: 512 }), batch, imageSize);
  let left = stockLimit;
  for (const { name, shape, count } of shapes) {
    using layer = layerPasses(gpu, shape);
    for (const pass of layer.passes) {
      const withStock = stock && left > 0;
      const times = await alternate([
        { name: "ours", run: repeatedRun(gpu, pass.ours) },
        ...(withStock ? [{ name: "stock", run: repeatedRun(gpu, pass.stock), warmUps: 1, limit: left }] : []),
      ], { runs });
      if (withStock) {
        left -= times.get("stock")!.seconds;
        if (left <= 0) {
          report.note(`stock tfjs: left out from here on (${name}, ${pass.name}): its ${stockLimit} s are used up`);
        }
      }
      const alone: number[] = [];
      for (let i = 0; i < runs; i++) alone.push(await kernelMilliseconds(gpu, pass.ours));
      const device = spread(alone).median;
      report.add(`layer ${name} batch ${batch}, ${pass.name}`, {
        ...sideFigures(times),
        device_ms: device,
        count,
        ...rates(device, pass, ceilings),
      });
    }
  }
}

/** Work that the kernels of a name did. */
interface KernelWork {
  flops: number | undefined;
  bytes: number;
}

async function benchStepKernels(gpu: Gpu, options: BenchOptions, report: Report, ceilings: Ceilings): Promise<void> {
  const { model = "iresnet18", width, imageSize, batchSize: batch = 8, classes = 1000 } = options;
  const sides = new TrainingSides(gpu, { model, width, imageSize, classes, batch });
  const profiler = new KernelProfiler(gpu.device);
  try {
    await sides.step();
    await sides.step();
    gpu.kernels.profiler = profiler;
    const work = await whileCounting(gpu, () => sides.step());
    gpu.kernels.profiler = undefined;
    const times = await profiler.read();
    const total = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    for (const { name, count, milliseconds } of times) {
      report.add(`kernel ${name}`, {
        ours_ms: milliseconds,
        count,
        share_of_step: milliseconds / total,
        ...rates(milliseconds, work.get(name)!, ceilings),
      });
    }
    report.note(
      `kernels of a step of ${model}${dialText(width, imageSize)}, batch ${batch}: ${
        total.toFixed(1)
      } ms by the device's clock; a kernel's time is that of ` +
        `all its runs in the step, its bytes are those of its tensors, each once; tfjs's own small kernels are not in it`,
    );
  } finally {
    gpu.kernels.profiler = undefined;
    profiler.dispose();
    sides.dispose();
  }
}

/** Runs something and adds up, by the kernels' names, what they work on. */
async function whileCounting(gpu: Gpu, run: () => Promise<unknown>): Promise<Map<string, KernelWork>> {
  const work = new Map<string, KernelWork>();
  const { kernels } = gpu;
  const original = kernels.run;
  kernels.run = (spec, inputs, outputs) => {
    const made = original.call(kernels, spec, inputs, outputs);
    const whole = (one: (typeof inputs)[number]): Tensor => "tensor" in one ? one.tensor : one;
    const written = outputs.map((output, i) => "tensor" in output || output instanceof tf.Tensor ? output : made[i]);
    const bytes = [...inputs, ...written].reduce((sum, { size }) => sum + 4 * size, 0);
    const flops = kernelFlops(spec.name, inputs.map(whole), made[0]);
    const known = work.get(spec.name) ?? { flops: flops === undefined ? undefined : 0, bytes: 0 };
    known.bytes += bytes;
    if (flops !== undefined) known.flops! += flops;
    work.set(spec.name, known);
    return made;
  };
  try {
    await run();
  } finally {
    kernels.run = original;
  }
  return work;
}
