import * as tf from "../../deps/tfjs.ts";
import { choiceName, type ConvChoice, convChoices, type KernelFamily } from "../conv_choice.ts";
import type { ConvLayer, ConvPassName } from "../conv_layer.ts";
import { convFilterGradient, convForward, convInputGradient } from "../ops/conv_passes.ts";
import { toFloat, toHalf } from "../ops/half.ts";
import type { Norm } from "../ops/norm.ts";
import type { Gpu } from "../start_webgpu.ts";
import { conv2dReference } from "./conv2d_reference.ts";
import type { Comparison, Expected, KernelCase } from "./kernel_case.ts";
import type { RandomValues } from "./random_values.ts";

/** Rows, columns and channels that no tile divides, more than one image, and more tiles than one workgroup takes. */
const LAYER: ConvLayer = { batch: 2, input: [9, 7, 8], output: [9, 7, 12], filter: [3, 3], stride: 1, pad: 1 };

/** Every device has at least these: whatever fits them is a choice on all. */
const LEAST_LIMITS = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
};

/**
 * Winograd's transforms spread the rounding of a tile over all its outputs: an output of few terms gets as much of it as the others. Its errors
 * are measured by the largest output's terms, and there are more of them.
 */
const MORE = { 2: 1, 4: 4 } as const;

/** Every way to compute each pass, in both families and precisions: whatever the tuner can pick. */
export function convChoiceCases(): KernelCase[] {
  return (["registers", "workgroup"] as const).flatMap((family: KernelFamily) =>
    (["forward", "input", "filter"] as const).flatMap((pass) =>
      convChoices({ family, limits: LEAST_LIMITS }, LAYER, pass, () => true).flatMap((choice) =>
        [false, true].map((half): KernelCase => ({
          name: `conv choice ${pass}: ${choiceName(choice)}${half ? ", mixed" : ""}`,
          family,
          run: (gpu, random) => check(gpu, pass, choice, half, random),
        }))
      )
    )
  );
}

async function check(
  gpu: Gpu,
  pass: ConvPassName,
  choice: ConvChoice,
  half: boolean,
  random: RandomValues,
): Promise<Comparison[]> {
  const layer: ConvLayer = { ...LAYER, half };
  const { batch, input, output, filter } = layer;
  const [channels, outputs] = [input[2], output[2]];
  const drawn = random.values(batch * input[0] * input[1] * channels);
  const x = half ? drawn.map(Math.f16round) : drawn;
  const f = random.values(9 * channels * outputs);
  const dy = random.values(batch * output[0] * output[1] * outputs);
  const [mean, scale, shift, slope] = [0, 1, 2, 3].map(() => random.values(channels));
  // What the kernel normalises while it reads; in float32, so that the reference starts from the same numbers.
  const normal = x.map((value, i) => {
    const c = i % channels;
    const z = Math.fround(Math.fround(Math.fround(value - mean[c]) * scale[c]) + shift[c]);
    return z > 0 ? z : z * slope[c];
  });
  const tensors = {
    x: tf.tensor4d(x, [batch, ...input]),
    filter: tf.tensor4d(f, [...filter, channels, outputs]),
    dy: tf.tensor4d(dy, [batch, ...output]),
    statistics: tf.tensor2d([...mean, ...scale], [2, channels]),
    weight: tf.ones([channels]),
    bias: tf.tensor1d(shift),
    slope: tf.tensor1d(slope),
    table: tf.tensor2d([...mean, ...scale, ...shift, ...slope], [4, channels]),
  };
  const norm: Norm = tensors;
  const kept = half ? toHalf(gpu, tensors.x) : tensors.x;
  const made = pass === "forward"
    ? convForward(gpu, kept, tensors.filter, layer, norm, choice)
    : pass === "input"
    ? convInputGradient(gpu, tensors.dy, tensors.filter, layer, choice)
    : convFilterGradient(gpu, kept, tensors.dy, layer, norm, choice);
  const wide = half ? toFloat(gpu, made) : made;
  const found = await gpu.kernels.read(wide);
  tf.dispose([made, wide, kept, ...Object.values(tensors)]);
  const shape = { ...LAYER, outputs, groups: 1, perGroup: channels };
  const expected = conv2dReference(shape, normal, f, dy);
  const part = { forward: expected.output, input: expected.inputGradient, filter: expected.filterGradient }[pass];
  return [{ what: pass, found, half, ...(choice.method === "winograd" ? evenly(part, MORE[choice.size]) : part) }];
}

/** The same values, their errors measured by the largest spread, `times` over. */
function evenly(expected: Expected, times: number): Expected {
  const largest = expected.spread.reduce((a, b) => Math.max(a, b), 0);
  return { ...expected, spread: expected.spread.map(() => times * largest) };
}
