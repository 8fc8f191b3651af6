import * as tf from "../../deps/tfjs.ts";
import { conv2d } from "../ops/conv2d.ts";
import { toFloat, toHalf } from "../ops/half.ts";
import type { Gpu } from "../start_webgpu.ts";
import { conv2dReference, type ConvShape, outputSize } from "./conv2d_reference.ts";
import type { Comparison, KernelCase } from "./kernel_case.ts";
import type { RandomValues } from "./random_values.ts";

/** A shape in short: batch, [height, width, channels], [filter height, width], outputs, and what differs from 1, 0, 1. */
type Short = [
  why: string,
  batch: number,
  input: [number, number, number],
  filter: [number, number],
  outputs: number,
  options?: Partial<Pick<ConvShape, "stride" | "pad" | "groups" | "perGroup">> & { readonly mixed?: 1 },
];

/** Sizes that meet every way a tile can be cut, and every kind of layer of the backbones. */
const DENSE: Short[] = [
  ["tiles over two images", 3, [5, 11, 8], [3, 3], 12, { pad: 1 }],
  ["one pixel", 1, [1, 1, 4], [3, 3], 4, { pad: 1 }],
  ["one channel", 2, [6, 5, 1], [3, 3], 1, { pad: 1 }],
  ["channels not in fours", 2, [3, 5, 6], [3, 3], 3, { pad: 1 }],
  ["filter of fewer channels", 2, [5, 4, 4], [3, 3], 8, { pad: 1, perGroup: 3 }],
  ["filter of fewer channels, 1x1", 1, [4, 4, 9], [1, 1], 5, { perGroup: 2 }],
  ["one column", 2, [12, 1, 4], [3, 3], 8, { pad: 1 }],
  ["29 columns", 1, [3, 29, 4], [3, 3], 4, { pad: 1 }],
  ["57 columns", 1, [2, 57, 4], [3, 3], 4, { pad: 1 }],
  ["long sums", 1, [2, 2, 516], [3, 3], 4, { pad: 1 }],
  ["filter gradient in parts", 3, [32, 40, 4], [3, 3], 4, { pad: 1 }],
  ["stride 2, even", 2, [6, 8, 4], [3, 3], 4, { stride: 2, pad: 1 }],
  ["stride 2, odd", 3, [5, 7, 8], [3, 3], 12, { stride: 2, pad: 1 }],
  ["stride 2, rows that no tap meets", 2, [4, 6, 4], [3, 3], 4, { stride: 2 }],
  ["stride 3", 1, [7, 5, 4], [3, 3], 4, { stride: 3, pad: 1 }],
  ["stride 3 over 2x2", 1, [7, 8, 4], [2, 2], 4, { stride: 3 }],
  ["1x1", 2, [5, 7, 64], [1, 1], 4],
  ["1x1, stride 2", 2, [7, 9, 8], [1, 1], 16, { stride: 2 }],
  ["1x1, stride 3", 1, [7, 8, 4], [1, 1], 4, { stride: 3 }],
  ["7x7 to one position", 3, [7, 7, 32], [7, 7], 8],
  ["4x4 to one position, one image", 1, [4, 4, 24], [4, 4], 20],
  ["5x5", 1, [7, 4, 4], [5, 5], 4, { pad: 2 }],
  ["3x3 with two zeros around", 1, [3, 2, 4], [3, 3], 4, { pad: 2 }],
  ["1x3", 2, [5, 6, 4], [1, 3], 4, { stride: 2 }],
];

const GROUPED: Short[] = [
  ["depthwise", 2, [7, 9, 16], [3, 3], 16, { pad: 1, groups: 16 }],
  ["depthwise, stride 2, even", 3, [8, 10, 8], [3, 3], 8, { stride: 2, pad: 1, groups: 8 }],
  ["depthwise, stride 2, odd", 1, [7, 5, 12], [3, 3], 12, { stride: 2, pad: 1, groups: 12 }],
  ["depthwise, stride 3", 2, [10, 8, 4], [3, 3], 4, { stride: 3, pad: 2, groups: 4 }],
  ["depthwise, channels not in fours", 2, [5, 6, 7], [3, 3], 7, { pad: 1, groups: 7 }],
  ["depthwise 7x7 to one position", 3, [7, 7, 64], [7, 7], 64, { groups: 64 }],
  ["depthwise, one pixel", 1, [1, 1, 4], [3, 3], 4, { pad: 1, groups: 4 }],
  ["depthwise, filter gradient in parts", 4, [30, 29, 4], [3, 3], 4, { pad: 1, groups: 4 }],
  ["depthwise 5x5, 11 columns", 1, [6, 11, 8], [5, 5], 8, { pad: 2, groups: 8 }],
  ["depthwise, stride 3 over 2x2", 1, [7, 8, 4], [2, 2], 4, { stride: 3, groups: 4 }],
  ["groups of two", 2, [6, 5, 16], [3, 3], 16, { pad: 1, groups: 8 }],
  ["groups of two, stride 2", 2, [7, 9, 8], [3, 3], 8, { stride: 2, pad: 1, groups: 4 }],
  ["groups of four, 13 columns", 2, [3, 13, 8], [3, 3], 8, { pad: 1, groups: 2 }],
  ["groups of three to two", 2, [5, 5, 9], [3, 3], 6, { pad: 1, groups: 3 }],
  ["groups of one to four", 1, [4, 7, 4], [3, 3], 16, { stride: 2, pad: 1, groups: 4 }],
];

/** Input and output in half precision; an output whose lanes are not of four channels stays float32. */
const MIXED: Short[] = [
  ["3x3, odd sizes", 3, [5, 11, 8], [3, 3], 12, { pad: 1, mixed: 1 }],
  ["outputs not in fours", 2, [4, 3, 8], [3, 3], 6, { pad: 1, mixed: 1 }],
  ["stride 2, odd", 3, [5, 7, 8], [3, 3], 12, { stride: 2, pad: 1, mixed: 1 }],
  ["1x1, stride 2", 2, [7, 9, 8], [1, 1], 16, { stride: 2, mixed: 1 }],
  ["7x7 to one position", 3, [7, 7, 32], [7, 7], 8, { mixed: 1 }],
  ["filter of fewer channels", 2, [5, 4, 4], [3, 3], 8, { pad: 1, perGroup: 3, mixed: 1 }],
  ["depthwise, stride 2", 1, [7, 5, 12], [3, 3], 12, { stride: 2, pad: 1, groups: 12, mixed: 1 }],
  ["depthwise 7x7 to one position", 3, [7, 7, 64], [7, 7], 64, { groups: 64, mixed: 1 }],
  ["groups of two", 2, [6, 5, 16], [3, 3], 16, { pad: 1, groups: 8, mixed: 1 }],
];

/** Random shapes, new ones for every seed. */
const RANDOM_SHAPES = 3;

/** Convolutions with both gradients: fixed shapes, and a few that the seed picks. */
export function conv2dCases(random: RandomValues): KernelCase[] {
  const drawn = Array.from({ length: RANDOM_SHAPES }, (): Short => {
    const [height, width, k] = [random.whole(1, 9), random.whole(1, 13), random.whole(1, 4)];
    const pad = random.whole(Math.max(0, Math.ceil((k - Math.min(height, width)) / 2)), Math.floor(k / 2) + 1);
    const stride = random.whole(1, 3);
    const channels = random.whole(1, 13);
    const fits = Math.min(height, width) + 2 * pad >= k;
    return ["drawn", random.whole(1, 3), [height, width, channels], fits ? [k, k] : [1, 1], random.whole(1, 9), {
      stride,
      pad,
      groups: 1,
    }];
  });
  return [...DENSE, ...GROUPED, ...MIXED, ...drawn].map(([why, batch, input, filter, outputs, options = {}]) => {
    const { stride = 1, pad = 0, groups = 1, perGroup = input[2] / groups, mixed } = options;
    const shape: ConvShape = { batch, input, filter, outputs, stride, pad, groups, perGroup };
    const size = `${batch}x${input.join("x")}, ${filter.join("x")}x${perGroup}x${outputs}`;
    const extra = Object.entries(options).map(([name, value]) => `, ${name} ${value}`).join("");
    return { name: `conv2d ${size}${extra} (${why})`, run: (gpu, values) => check(gpu, shape, mixed === 1, values) };
  });
}

async function check(gpu: Gpu, shape: ConvShape, half: boolean, random: RandomValues): Promise<Comparison[]> {
  const { batch, input, filter, outputs, stride, pad, groups, perGroup } = shape;
  const [outHeight, outWidth] = outputSize(shape);
  const drawn = random.values(batch * input[0] * input[1] * input[2]);
  const x = half ? drawn.map(Math.f16round) : drawn;
  const f = random.values(filter[0] * filter[1] * perGroup * outputs);
  const dy = random.values(batch * outHeight * outWidth * outputs);
  const made = tf.tidy(() => {
    const floats = tf.tensor4d(x, [batch, ...input]);
    const tensors = [
      half ? toHalf(gpu, floats) : floats,
      tf.tensor4d(f, [...filter, perGroup, outputs]),
    ] as const;
    const upstream = tf.tensor4d(dy, [batch, outHeight, outWidth, outputs]);
    const { value, grads } = tf.engine().gradients(
      () => conv2d(gpu, tensors[0], tensors[1], { stride, pad, groups, half }),
      [...tensors],
      upstream,
    );
    return [value.size % 4 === 0 ? toFloat(gpu, value) : value, ...grads];
  });
  const expected = conv2dReference(shape, x, f, dy);
  const comparisons = [
    { what: "output", found: await gpu.kernels.read(made[0]), half, ...expected.output },
    { what: "input gradient", found: await gpu.kernels.read(made[1]), half, ...expected.inputGradient },
    { what: "filter gradient", found: await gpu.kernels.read(made[2]), half, ...expected.filterGradient },
  ];
  tf.dispose(made);
  return comparisons;
}
