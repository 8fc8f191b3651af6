import type { KernelSpec } from "../kernel_spec.ts";
import {
  groupsInVectors,
  vectorsConv2dFilterGradientKernel,
  vectorsConv2dInputGradientKernel,
  vectorsConv2dKernel,
  vectorsFilterParts,
} from "./grouped_conv2d_vectors.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/** A convolution whose channels are in groups that do not mix; NHWC. */
export interface GroupedConv {
  readonly batch: number;
  /** Input height, width, channels. */
  readonly input: readonly [number, number, number];
  /** Output height, width, channels. */
  readonly output: readonly [number, number, number];
  /** Filter height, width. */
  readonly filter: readonly [number, number];
  readonly groups: number;
  readonly stride: number;
  readonly pad: number;
  /** The output is kept in half precision, where a lane has four channels of it. @default false */
  readonly half?: boolean;
}

/**
 * Whether the output is kept in half precision: lanes must write four channels at once; and only of depthwise layers, since the one other of
 * MobileFaceNet comes so early that rounding it took the embeddings' error from 0.5 to 1.0 %.
 */
export const groupedHalf = (conv: GroupedConv): boolean =>
  conv.half === true && groupsInVectors(conv) && conv.groups === conv.input[2];

/** Channels of a group. */
function groupOf({ input, output, groups }: GroupedConv): { perIn: number; perOut: number } {
  return { perIn: input[2] / groups, perOut: output[2] / groups };
}

/** Forward pass. Bindings: input [N, H, W, C], filter [FH, FW, C/groups, O], output [N, OH, OW, O]. */
export const groupedConv2dKernel = remembered(function (conv: GroupedConv): KernelSpec {
  if (groupsInVectors(conv)) return vectorsConv2dKernel(conv);
  const { perIn, perOut } = groupOf(conv);
  const [height, width, inWide] = conv.input;
  const [outHeight, outWidth, outWide] = conv.output;
  const [filterHeight, filterWidth] = conv.filter;
  const lanes = conv.batch * outHeight * outWidth * outWide;
  const { size, workgroups } = spread(lanes, 64);
  return {
    name: `grouped conv2d ${filterHeight}x${filterWidth} ${conv.input[2]}->${conv.output[2]} /${conv.groups}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "input", "f32", conv.batch * height * width * inWide)}
${storage(1, "filter_", "f32", filterHeight * filterWidth * perIn * outWide)}
${storage(2, "output", "f32", lanes, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let o = lane % ${outWide}u;
  let ox = i32(lane / ${outWide}u % ${outWidth}u);
  let oy = i32(lane / ${outWide * outWidth}u % ${outHeight}u);
  let image = lane / ${outWide * outWidth * outHeight}u;
  let firstIn = o / ${perOut}u * ${perIn}u;
  var sum = 0.0;
  for (var ky = 0; ky < ${filterHeight}; ky++) {
    let iy = oy * ${conv.stride} + ky - ${conv.pad};
    if (iy < 0 || iy >= ${height}) { continue; }
    for (var kx = 0; kx < ${filterWidth}; kx++) {
      let ix = ox * ${conv.stride} + kx - ${conv.pad};
      if (ix < 0 || ix >= ${width}) { continue; }
      let at = ((image * ${height}u + u32(iy)) * ${width}u + u32(ix)) * ${inWide}u + firstIn;
      let tap = u32(ky * ${filterWidth} + kx) * ${perIn}u;
      for (var i = 0u; i < ${perIn}u; i++) {
        sum += input[at + i] * filter_[(tap + i) * ${outWide}u + o];
      }
    }
  }
  output[lane] = sum;
}`,
  };
});

/** Gradient of the input. Bindings: gradient [N, OH, OW, O], filter [FH, FW, C/groups, O], output [N, H, W, C]. */
export const groupedConv2dInputGradientKernel = remembered(function (conv: GroupedConv): KernelSpec {
  if (groupsInVectors(conv)) return vectorsConv2dInputGradientKernel(conv);
  const { perIn, perOut } = groupOf(conv);
  const [height, width, inWide] = conv.input;
  const [outHeight, outWidth, outWide] = conv.output;
  const [filterHeight, filterWidth] = conv.filter;
  const lanes = conv.batch * height * width * inWide;
  const { size, workgroups } = spread(lanes, 64);
  return {
    name: `grouped conv2d input gradient ${filterHeight}x${filterWidth} ${conv.input[2]}->${
      conv.output[2]
    } /${conv.groups}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "gradient", "f32", conv.batch * outHeight * outWidth * outWide)}
${storage(1, "filter_", "f32", filterHeight * filterWidth * perIn * outWide)}
${storage(2, "output", "f32", lanes, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${inWide}u;
  let ix = i32(lane / ${inWide}u % ${width}u);
  let iy = i32(lane / ${inWide * width}u % ${height}u);
  let image = lane / ${inWide * width * height}u;
  let firstOut = c / ${perIn}u * ${perOut}u;
  let within = c % ${perIn}u;
  var sum = 0.0;
  for (var ky = 0; ky < ${filterHeight}; ky++) {
    let sy = iy + ${conv.pad} - ky;
    if (sy < 0 || sy % ${conv.stride} != 0 || sy / ${conv.stride} >= ${outHeight}) { continue; }
    for (var kx = 0; kx < ${filterWidth}; kx++) {
      let sx = ix + ${conv.pad} - kx;
      if (sx < 0 || sx % ${conv.stride} != 0 || sx / ${conv.stride} >= ${outWidth}) { continue; }
      let at = ((image * ${outHeight}u + u32(sy / ${conv.stride})) * ${outWidth}u + u32(sx / ${conv.stride})) * ${outWide}u + firstOut;
      let tap = (u32(ky * ${filterWidth} + kx) * ${perIn}u + within) * ${outWide}u + firstOut;
      for (var o = 0u; o < ${perOut}u; o++) {
        sum += gradient[at + o] * filter_[tap + o];
      }
    }
  }
  output[lane] = sum;
}`,
  };
});

/**
 * Gradient of the filter, one partial sum per image and per block of output rows. Bindings: input, gradient,
 * parts [parts, FH, FW, C/groups, O]. See {@linkcode groupedFilterParts} for the number of parts.
 */
export const groupedConv2dFilterGradientKernel = remembered(function (conv: GroupedConv): KernelSpec {
  if (groupsInVectors(conv)) return vectorsConv2dFilterGradientKernel(conv);
  const { perIn, perOut } = groupOf(conv);
  const [height, width, inWide] = conv.input;
  const [outHeight, outWidth, outWide] = conv.output;
  const [filterHeight, filterWidth] = conv.filter;
  const parts = groupedFilterParts(conv);
  const rows = conv.batch * outHeight;
  const rowsPerPart = Math.ceil(rows / parts);
  const filterSize = filterHeight * filterWidth * perIn * outWide;
  const lanes = parts * filterSize;
  const { size, workgroups } = spread(lanes, 64);
  return {
    name: `grouped conv2d filter gradient ${filterHeight}x${filterWidth} ${conv.input[2]}->${
      conv.output[2]
    } /${conv.groups}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "input", "f32", conv.batch * height * width * inWide)}
${storage(1, "gradient", "f32", conv.batch * outHeight * outWidth * outWide)}
${storage(2, "parts", "f32", lanes, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let o = lane % ${outWide}u;
  let i = o / ${perOut}u * ${perIn}u + lane / ${outWide}u % ${perIn}u;
  let kx = i32(lane / ${outWide * perIn}u % ${filterWidth}u);
  let ky = i32(lane / ${outWide * perIn * filterWidth}u % ${filterHeight}u);
  let first = lane / ${filterSize}u * ${rowsPerPart}u;
  let last = min(first + ${rowsPerPart}u, ${rows}u);
  var sum = 0.0;
  for (var row = first; row < last; row++) {
    let iy = i32(row % ${outHeight}u) * ${conv.stride} + ky - ${conv.pad};
    if (iy < 0 || iy >= ${height}) { continue; }
    let inputRow = (row / ${outHeight}u * ${height}u + u32(iy)) * ${width}u;
    for (var ox = 0; ox < ${outWidth}; ox++) {
      let ix = ox * ${conv.stride} + kx - ${conv.pad};
      if (ix < 0 || ix >= ${width}) { continue; }
      sum += input[(inputRow + u32(ix)) * ${inWide}u + i] * gradient[(row * ${outWidth}u + u32(ox)) * ${outWide}u + o];
    }
  }
  parts[lane] = sum;
}`,
  };
});

/** Into how many parts the output rows are divided for the filter gradient: short sums, and lanes enough for a GPU. */
export function groupedFilterParts(conv: GroupedConv): number {
  if (groupsInVectors(conv)) return vectorsFilterParts(conv);
  const rows = conv.batch * conv.output[0];
  return Math.max(1, Math.min(rows, Math.ceil(rows * conv.output[1] / 1024)));
}
