// deno-lint-ignore-file no-console -- a command prints
/**
 * Times ours on this machine's adapter, against stock tfjs kernels on the same adapter and PyTorch on the same machine.
 *
 *     deno task bench step --model mbf --batch-size 8
 *     deno task bench kernels --model iresnet18
 *     deno task bench head --batch-size 64
 *     deno task bench epoch --model mbf
 *     deno task bench scale
 *     deno task bench verify --share 0.1
 *     deno task bench dist --ranks 2
 *
 * Sides are timed in turn; times are medians. `--json` prints a line per measurement, `--record` appends the table to bench/RESULTS.md.
 * `--gpu` does the same on a GPU, with batches that fill one, and records; tools/pack_gpu carries it to one without network.
 */
import { Command, CommanderError } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";
import { type Gpu, startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { benchDist } from "./bench/dist.ts";
import { benchEpoch } from "./bench/epoch.ts";
import { benchHead } from "./bench/head.ts";
import { benchKernels } from "./bench/kernels.ts";
import type { BenchOptions } from "./bench/options.ts";
import { appendRecord } from "./bench/record.ts";
import { Report } from "./bench/report.ts";
import { benchScale } from "./bench/scale.ts";
import { benchStep } from "./bench/step.ts";
import { benchVerify } from "./bench/verify.ts";

const KINDS: Readonly<Record<string, (gpu: Gpu, options: BenchOptions, report: Report) => Promise<void>>> = {
  step: benchStep,
  kernels: benchKernels,
  head: benchHead,
  epoch: benchEpoch,
  scale: benchScale,
  verify: benchVerify,
  dist: benchDist,
};

/** Images at once that fill a GPU. */
const GPU_BATCH = 128;

/** Reads a number of a flag; refuses what is none or out of range. */
const number = (what: string, isRight: (value: number) => boolean) => (text: string): number => {
  const value = text.trim() === "" ? NaN : Number(text);
  if (!isRight(value)) throw new InputError(`Cannot read the command line: expected ${what}, found ${text}`);
  return value;
};
const positive = number("a number over 0", (value) => value > 0 && value < Infinity);
const count = number("a whole number over 0", (value) => Number.isInteger(value) && value > 0);
const shareOfOne = number("a share above 0, at most 1", (value) => value > 0 && value <= 1);
const countOrNone = number("a whole number, 0 or more", (value) => Number.isInteger(value) && value >= 0);

function commandLine() {
  return new Command("bench").description(
    "Times training steps, kernels, heads, epochs, verification and averaging on this machine.",
  )
    .argument("<kind>", Object.keys(KINDS).join(", "))
    .option("--model <name>", "backbone; `step` without it takes iresnet18, iresnet50 and mbf")
    .option("--width <n>", "multiplier of the channels", positive, 1)
    .option("--image-size <n>", "pixels a side", count, 112)
    .option("--batch-size <n>", "images or embeddings at once (default: 8; of `head` 64 and 512)", count)
    .option("--classes <n>", "classes of the head (default: 1000; of `head` 85742)", count)
    .option("--runs <n>", "timed runs of each side", count, 5)
    .option("--no-stock", "leave stock tfjs out")
    .option("--stock-batch-size <n>", "images at once for stock tfjs in `step`; ours is timed at it too", count, 2)
    .option("--stock-limit <seconds>", "time for stock tfjs per measurement, of `kernels` in all", positive, 180)
    .option("--no-torch", "leave PyTorch out")
    .option("--tune <seconds>", "of `step`: find the fastest kernels first", positive)
    .option("--data <path>", "training set of `epoch`: a .rec or its folder (default: one made on the spot)")
    .option("--steps <n>", "steps of `epoch`", count, 30)
    .option("--workers <n>", "Web Workers that decode for `epoch`", countOrNone)
    .option("--share <share>", "of IJB-C's size, for `verify`", shareOfOne, 1)
    .option("--ranks <n>", "ranks of `dist`", count, 2)
    .option("--floats <n>", "numbers that `dist` averages", count, 24_000_000)
    .option("--plot <file>", "plot of `scale`", "bench/scale.svg")
    .option("--json", "a line of JSON per measurement", false)
    .option("--record [file]", "append the table to bench/RESULTS.md")
    .option(
      "--gpu",
      `on a GPU or not at all: batches of ${GPU_BATCH} unless told (but of \`head\`), and --record`,
      false,
    )
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .exitOverride();
}

async function main(): Promise<void> {
  const command = commandLine();
  try {
    command.parse(Deno.args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    Deno.exit(error.exitCode === 0 ? 0 : 2);
  }
  const [kind] = command.args;
  if (!Object.hasOwn(KINDS, kind)) {
    throw new InputError(`Cannot bench ${kind}: expected one of ${Object.keys(KINDS).join(", ")}`);
  }
  const options = command.opts();
  const gpu = await startWebGPU();
  if (options.gpu) {
    demandGpu(gpu);
    if (kind !== "head") options.batchSize ??= GPU_BATCH;
    options.record ??= true;
  }
  const report = new Report(gpu.adapter.name, options.json);
  report.progress(`adapter ${gpu.adapter.name}, Deno ${Deno.version.deno}`);
  try {
    await KINDS[kind](gpu, options, report);
    gpu.kernels.check();
  } finally {
    report.finish();
  }
  if (options.record === undefined) return;
  const path = options.record === true ? "bench/RESULTS.md" : options.record;
  appendRecord(path, report.measurements, {
    command: `bench ${Deno.args.join(" ")}`,
    adapter: gpu.adapter,
    date: new Date(),
    notes: report.notes,
  });
  report.progress(`appended to ${path}`);
}

function demandGpu({ adapter }: Gpu): void {
  if (!adapter.software) return;
  throw new InputError(
    `Cannot bench on a GPU: expected one, found only ${adapter.name}, which computes on the processor; leave out --gpu, or carry the ` +
      `project to a machine with a GPU (tools/pack_gpu) and there: sh .gpu/run.sh bench ${Deno.args.join(" ")}`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  console.error(`error: ${error.message}`);
  Deno.exit(2);
}
