// deno-lint-ignore-file no-console -- a command prints
/**
 * Times training steps and heads on this machine's adapter.
 *
 *     deno task bench step --model iresnet18 --batch-size 8
 *     deno task bench kernels --model iresnet18 --width 0.5 --image-size 56
 *     deno task bench head --classes 85742 --batch-size 64
 *
 * `step` is forward, backward and SGD with a head of 1000 classes; `kernels` shows where its time goes, by the device's clock; `head`
 * compares the head with the same formulas written with tfjs's own operations, in turn. `--json` prints a line per measurement.
 */
import { Command } from "../lib/deps/commander.ts";
import * as tf from "../lib/deps/tfjs.ts";
import { InputError } from "../lib/errors.ts";
import { KernelProfiler } from "../lib/gpu/kernel_profiler.ts";
import { unpackImages } from "../lib/gpu/ops/unpack_images.ts";
import { type Gpu, startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { classSoftmax } from "../lib/head/class_softmax.ts";
import { createHead } from "../lib/head/create_head.ts";
import type { HeadStep } from "../lib/head/head.ts";
import type { MarginOptions } from "../lib/head/margin.ts";
import { plainSoftmax } from "../lib/head/plain_softmax.ts";
import { createBackbone } from "../lib/nn/backbone.ts";
import { TrainingStep } from "../lib/train/training_step.ts";

interface Options {
  model: string;
  width: number;
  imageSize: number;
  batchSize: number;
  classes: number;
  runs: number;
  json: boolean;
}

/** Least, median and largest of some times. */
function spread(times: number[]): { min: number; median: number; max: number } {
  const sorted = [...times].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[Math.floor(sorted.length / 2)], max: sorted[sorted.length - 1] };
}

function say(options: Options, name: string, figures: Record<string, number | string>): void {
  if (options.json) return console.log(JSON.stringify({ name, ...figures }));
  const words = Object.entries(figures).map(([key, value]) =>
    `${key} ${typeof value === "number" ? +value.toPrecision(4) : value}`
  );
  console.log(`${name}: ${words.join("  ")}`);
}

/** A step on images of noise, and what it needs. */
function stepOf(gpu: Gpu, { model, width, imageSize, batchSize }: Options) {
  const backbone = createBackbone(gpu, model, { width, imageSize });
  const head = createHead(gpu, "center_bias", { classes: 1000, embeddingSize: backbone.options.embeddingSize });
  const step = new TrainingStep(gpu, backbone, head, { momentum: 0.9, weightDecay: 5e-4 });
  const bytes = Uint8Array.from({ length: batchSize * imageSize ** 2 * 3 }, (_, i) => (i * 7919) % 256);
  const labels = Int32Array.from({ length: batchSize }, (_, i) => (i * 31) % 1000);
  const part = {
    size: batchSize,
    upload: () => ({
      images: unpackImages(gpu, bytes, imageSize, new Uint8Array(batchSize)),
      labels: tf.tensor1d(labels, "int32"),
    }),
  };
  return async () => {
    step.run([part], 1e-4);
    await step.drain();
  };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function benchStep(gpu: Gpu, options: Options): Promise<void> {
  const run = stepOf(gpu, options);
  const first = await timed(run);
  await run();
  const times: number[] = [];
  for (let i = 0; i < options.runs; i++) times.push(await timed(run));
  const { min, median, max } = spread(times);
  const name =
    `step ${options.model} width ${options.width} ${options.imageSize}x${options.imageSize} batch ${options.batchSize}`;
  say(options, name, {
    ours_ms: median,
    min_ms: min,
    max_ms: max,
    first_ms: first,
    images_per_second: 1000 * options.batchSize / median,
  });
}

async function benchKernels(gpu: Gpu, options: Options): Promise<void> {
  if (!gpu.adapter.features.includes("timestamp-query")) {
    throw new InputError("Cannot time kernels: expected an adapter with timestamp-query, found one without");
  }
  const run = stepOf(gpu, options);
  await run();
  await run();
  const profiler = new KernelProfiler(gpu.device);
  gpu.kernels.profiler = profiler;
  await run();
  gpu.kernels.profiler = undefined;
  for (const { name, count, milliseconds } of await profiler.read()) {
    say(options, name, { count, total_ms: milliseconds });
  }
  profiler.dispose();
}

async function benchHead(gpu: Gpu, options: Options): Promise<void> {
  const { classes, batchSize } = options;
  const dim = 512;
  const weight = tf.tidy(() => tf.variable(tf.randomUniform([classes, dim], -0.01, 0.01, "float32", 21)));
  const embeddings = tf.randomNormal([batchSize, dim], 0, 1, "float32", 22) as tf.Tensor2D;
  const labels = tf.tensor1d(Int32Array.from({ length: batchSize }, (_, i) => (i * 7919) % classes), "int32");
  const margin: MarginOptions = {
    scale: 64,
    kind: "angular",
    decide: () => {
      const half = tf.scalar(0.5);
      return { ofSamples: tf.fill([batchSize], 0.5), report: { t: half, mean: half, max: half, min: half } };
    },
  };
  const pass = async (step: () => HeadStep) => {
    const { value, grads } = (tf.engine() as unknown as {
      gradients(f: () => tf.Tensor, xs: tf.Tensor[]): { value: tf.Tensor; grads: tf.Tensor[] };
    }).gradients(() => {
      const { loss, metrics } = step();
      metrics.dispose();
      return loss;
    }, [embeddings, weight]);
    await gpu.kernels.read(value);
    tf.dispose([value, grads]);
  };
  const ours = () => pass(() => classSoftmax(gpu, embeddings, [weight], labels, margin));
  // tfjs binds whole tensors.
  const bytes = 4 * classes * Math.max(dim, batchSize);
  const fits = bytes <= gpu.device.limits.maxStorageBufferBindingSize;
  const plain = () => pass(() => plainSoftmax(embeddings, [weight as unknown as tf.Tensor2D], labels, margin));
  await ours();
  if (fits) await plain();
  const times: { ours: number[]; plain: number[] } = { ours: [], plain: [] };
  for (let i = 0; i < options.runs; i++) {
    times.ours.push(await timed(ours));
    if (fits) times.plain.push(await timed(plain));
  }
  const { min, median, max } = spread(times.ours);
  const stock = fits ? spread(times.plain).median : undefined;
  say(options, `head ${classes} classes batch ${batchSize}`, {
    ours_ms: median,
    min_ms: min,
    max_ms: max,
    ...(stock === undefined
      ? { stock: "none: a table is larger than a binding" }
      : { stock_ms: stock, ratio_stock: stock / median }),
  });
}

const KINDS: Readonly<Record<string, (gpu: Gpu, options: Options) => Promise<void>>> = {
  step: benchStep,
  kernels: benchKernels,
  head: benchHead,
};

async function main(): Promise<void> {
  const number = (text: string) => {
    const value = Number(text);
    if (!(value > 0)) throw new InputError(`Cannot read the command line: expected a number over 0, found ${text}`);
    return value;
  };
  const command = new Command("bench").description(
    "Times training steps, their kernels, and heads on this machine's adapter.",
  )
    .argument("<kind>", Object.keys(KINDS).join(", "))
    .option("--model <name>", "backbone", "iresnet18")
    .option("--width <n>", "multiplier of the channels", number, 1)
    .option("--image-size <n>", "pixels a side", number, 112)
    .option("--batch-size <n>", "images or embeddings at once", number, 8)
    .option("--classes <n>", "classes of `head`", number, 85742)
    .option("--runs <n>", "timed runs", number, 5)
    .option("--json", "a line of JSON per measurement", false)
    .parse(Deno.args, { from: "user" });
  const [kind] = command.args;
  if (!Object.hasOwn(KINDS, kind)) {
    throw new InputError(`Cannot bench ${kind}: expected one of ${Object.keys(KINDS).join(", ")}`);
  }
  const options = command.opts();
  const gpu = await startWebGPU();
  say(options, "adapter", { name: gpu.adapter.name, deno: Deno.version.deno });
  await KINDS[kind](gpu, options);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exit(2);
}
