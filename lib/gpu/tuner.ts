import * as tf from "../deps/tfjs.ts";
import { choiceName, type ConvChoice, methodName } from "./conv_choice.ts";
import type { AskedPass } from "./conv_choices.ts";
import { type ConvLayer, products } from "./conv_layer.ts";
import { KernelProfiler } from "./kernel_profiler.ts";
import { convFilterGradient, convForward, convInputGradient } from "./ops/conv_passes.ts";
import { noise } from "./ops/noise.ts";
import type { Norm } from "./ops/norm.ts";
import type { Gpu } from "./start_webgpu.ts";

/** The fastest way found for a pass. */
export interface TunedPass extends AskedPass {
  /** The way to compute it. */
  readonly choice: ConvChoice;
  /** Milliseconds of it, by the device's clock where it has one. */
  readonly milliseconds: number;
}

/** How passes are tuned. */
export interface TuneOptions {
  /** Seconds that tuning may take: passes that would end later keep their defaults. @default 60, on a software adapter 300 */
  readonly budget?: number;
  /** Told before each pass. */
  readonly report?: (done: number, total: number, name: string) => void;
  /** Stops before the next pass. */
  readonly signal?: AbortSignal;
  /** Milliseconds that only grow. @default performance.now */
  readonly clock?: () => number;
}

/** Times a candidate is measured; the least counts, since whatever disturbs only makes it slower. */
const RUNS = 3;

/** A candidate this many times slower than the best so far in its first run is not measured again. */
const HOPELESS = 1.5;

/** A method whose first tile is this many times slower than the best method's is left out: tiles differ less than that. */
const HOPELESS_METHOD = 1.3;

/** Shortest time that a wall clock around a wait for the GPU can tell, in milliseconds. */
const WALL_LEAST = 40;

/**
 * Times every way to compute each pass on the device and takes the fastest: `gpu.choices` uses it from then on. The passes with the
 * most work come first.
 */
export async function tune(gpu: Gpu, passes: readonly AskedPass[], options: TuneOptions = {}): Promise<TunedPass[]> {
  const { budget = gpu.adapter.software ? 300 : 60, report, signal, clock = () => performance.now() } = options;
  const end = clock() + 1000 * budget;
  const order = [...passes].sort((a, b) => products(b.layer) - products(a.layer));
  const tuned: TunedPass[] = [];
  // What the pass before took; it is mostly compiling, so that the next takes about as long.
  let last = 0;
  for (const [i, asked] of order.entries()) {
    const began = clock();
    if (began + last > end || signal?.aborted) break;
    report?.(i, order.length, passName(asked));
    const best = await fastest(gpu, asked);
    gpu.choices.set(asked.layer, asked.pass, best.choice);
    tuned.push(best);
    last = clock() - began;
  }
  report?.(order.length, order.length, "");
  return tuned;
}

/** A pass in a few words. */
function passName({ layer: { filter, input, output }, pass }: AskedPass): string {
  return `${pass} ${filter.join("x")} ${input[2]}->${output[2]} on ${output[0]}x${output[1]}`;
}

async function fastest(gpu: Gpu, asked: AskedPass): Promise<TunedPass> {
  const { layer, pass } = asked;
  const inputs = inputsOf(gpu, layer);
  try {
    const timesOf = (choices: readonly ConvChoice[]) => {
      const runs = choices.map((choice) => () => runPass(gpu, asked, inputs, choice).dispose());
      return together ? timedTogether(gpu, runs) : timedInTurn(gpu, runs);
    };
    const together = gpu.device.features.has("timestamp-query") && !gpu.adapter.software;
    const choices = gpu.choices.all(layer, pass);
    const left = together ? await promising(choices, timesOf) : choices;
    const times = await timesOf(left);
    gpu.kernels.check();
    const milliseconds = Math.min(...times);
    return { ...asked, choice: left[times.indexOf(milliseconds)], milliseconds };
  } finally {
    tf.dispose(Object.values(inputs.tensors));
  }
}

/** The choices whose method, by its first tile, is not hopeless beside the others: a GPU's driver takes longest to compile, not to run. */
async function promising(
  choices: readonly ConvChoice[],
  timesOf: (choices: readonly ConvChoice[]) => Promise<number[]>,
): Promise<ConvChoice[]> {
  const methods = [...new Set(choices.map(methodName))];
  if (methods.length === 1) return [...choices];
  const times = await timesOf(methods.map((name) => choices.find((choice) => methodName(choice) === name)!));
  const least = Math.min(...times);
  return choices.filter((choice) => times[methods.indexOf(methodName(choice))] < HOPELESS_METHOD * least);
}

/** Milliseconds of each run by itself, the least of a few; of a hopeless one what its first took. */
async function timedInTurn(gpu: Gpu, runs: readonly (() => void)[]): Promise<number[]> {
  const times: number[] = [];
  for (const run of runs) {
    // Once to compile it.
    run();
    const best = Math.min(...times);
    let least = await timed(gpu, run);
    for (let i = 1; i < RUNS && least < HOPELESS * best; i++) least = Math.min(least, await timed(gpu, run));
    times.push(least);
  }
  return times;
}

/**
 * The same on a GPU, without a wait between runs: a GPU that has waited for a compiler has slowed its clock down, to a third as seen, and
 * takes some time to be fast again. Everything is compiled first; then the runs go round, the first time unmeasured, and are waited for
 * once.
 */
async function timedTogether(gpu: Gpu, runs: readonly (() => void)[]): Promise<number[]> {
  for (const run of runs) run();
  gpu.kernels.flush();
  await gpu.device.queue.onSubmittedWorkDone();
  const profiler = new KernelProfiler(gpu.device);
  const ends: number[] = [];
  try {
    for (const run of runs) run();
    gpu.kernels.profiler = profiler;
    for (let i = 0; i < RUNS; i++) {
      for (const run of runs) {
        run();
        ends.push(profiler.timed);
      }
    }
    gpu.kernels.flush();
    const each = await profiler.readEach();
    const least = runs.map(() => Infinity);
    ends.forEach((end, i) => {
      // What found no place any more is not timed.
      if (end > each.length) return;
      const spent = each.slice(i === 0 ? 0 : ends[i - 1], end).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
      least[i % runs.length] = Math.min(least[i % runs.length], spent);
    });
    return least;
  } finally {
    gpu.kernels.profiler = undefined;
    profiler.dispose();
  }
}

/** Tensors of a layer's shapes, of numbers as they are in training. */
function inputsOf(gpu: Gpu, layer: ConvLayer) {
  const channels = layer.input[2];
  const tensors = {
    x: noise(gpu, [layer.batch, ...layer.input], 1, 1),
    filter: noise(gpu, [...layer.filter, channels, layer.output[2]], 0.1, 2),
    dy: noise(gpu, [layer.batch, ...layer.output], 1, 3),
    statistics: tf.ones([2, channels]),
    row: tf.ones([channels]),
    table: tf.ones([4, channels]),
  };
  for (const tensor of Object.values(tensors)) gpu.kernels.buffer(tensor);
  const { statistics, row, table } = tensors;
  const norm: Norm = { statistics, weight: row, bias: row, slope: row, table };
  return { tensors, norm };
}

function runPass(
  gpu: Gpu,
  { layer, pass }: AskedPass,
  { tensors: { x, filter, dy }, norm }: ReturnType<typeof inputsOf>,
  choice: ConvChoice,
): tf.Tensor {
  // Images are not normalised by a layer before them; everything else is.
  const before = layer.input[2] > 4 ? norm : undefined;
  if (pass === "forward") return convForward(gpu, x, filter, layer, before, choice);
  if (pass === "input") return convInputGradient(gpu, dy, filter, layer, choice);
  return convFilterGradient(gpu, x, dy, layer, before, choice);
}

/** Milliseconds of a run: of its kernels by the device's clock, else of enough runs by ours. */
async function timed(gpu: Gpu, run: () => void): Promise<number> {
  if (gpu.device.features.has("timestamp-query")) {
    const profiler = new KernelProfiler(gpu.device);
    gpu.kernels.profiler = profiler;
    try {
      run();
      gpu.kernels.flush();
      return (await profiler.read()).reduce((sum, { milliseconds }) => sum + milliseconds, 0);
    } finally {
      gpu.kernels.profiler = undefined;
      profiler.dispose();
    }
  }
  for (let count = 1;; count *= 4) {
    gpu.kernels.flush();
    await gpu.device.queue.onSubmittedWorkDone();
    const began = performance.now();
    for (let i = 0; i < count; i++) run();
    gpu.kernels.flush();
    await gpu.device.queue.onSubmittedWorkDone();
    const milliseconds = performance.now() - began;
    if (milliseconds > WALL_LEAST || count > 1000) return milliseconds / count;
  }
}

/** What was chosen, for tables and logs. */
export function describeTuned({ choice, milliseconds, ...asked }: TunedPass): string {
  return `${passName(asked)}: ${choiceName(choice)}, ${milliseconds.toFixed(2)} ms`;
}
