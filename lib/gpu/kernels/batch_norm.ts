import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage, vectorOf } from "./wgsl.ts";

/**
 * Batch-norm over the rows of a [rows, channels] matrix (NHWC: rows = N*H*W), in float32.
 *
 * Statistics are [2, channels]: the mean, then 1/sqrt(variance + epsilon). Channels go four at a time where they can.
 */
export interface BatchNorm {
  readonly rows: number;
  readonly channels: number;
  /** Parts are many, and the lanes of a workgroup add them up together: for GPUs. @default false */
  readonly shared?: boolean;
}

/** What is done with the normalised value while it is in a register. */
export interface BatchNormApply extends BatchNorm {
  /** Followed by PReLU with a slope per channel. */
  readonly prelu: boolean;
  /** A tensor of the same shape is added. */
  readonly residual: boolean;
}

/** Parts the rows are reduced in: short sums, and lanes enough for the adapter. */
export function batchNormParts({ rows, channels, shared }: BatchNorm): number {
  const { count: wide } = vectorOf(channels);
  const [lanes, rowsEach, most] = shared ? [2 ** 17, 32, 4096] : [2 ** 14, 16, 256];
  return Math.max(1, Math.min(Math.ceil(rows / rowsEach), Math.ceil(lanes / wide), most));
}

/**
 * What kernels need that normalise while they read, in one table: mean, scale, shift and, with PReLU, slope.
 * Bindings: statistics, weight, bias, [slope], table [3 or 4, channels].
 */
export const normTableKernel = remembered(function (channels: number, prelu: boolean): KernelSpec {
  const { type, count: wide } = vectorOf(channels);
  const { size, workgroups } = spread(wide, 64);
  const inputs = ["statistics", "weight", "bias", ...(prelu ? ["slope"] : [])];
  return {
    name: `norm table ${channels}`,
    bindings: [...inputs.map(() => "read" as const), "write"],
    workgroups,
    wgsl: `
${inputs.map((name, i) => storage(i, name, type, name === "statistics" ? 2 * wide : wide)).join("\n")}
${storage(inputs.length, "table", type, (prelu ? 4 : 3) * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = ${flatIndex(workgroups, size)};
  if (c >= ${wide}u) { return; }
  table[c] = statistics[c];
  table[${wide}u + c] = statistics[${wide}u + c] * weight[c];
  table[${2 * wide}u + c] = bias[c];
  ${prelu ? `table[${3 * wide}u + c] = slope[c];` : ""}
}`,
  };
});

/**
 * Normalise, scale, shift, then PReLU and the residual where asked.
 * Bindings: x, statistics, weight, bias, [slope], [residual], y.
 */
export const batchNormApplyKernel = remembered(function (norm: BatchNormApply): KernelSpec {
  const { type, count: wide } = vectorOf(norm.channels);
  const total = norm.rows * wide;
  const perLane = 4;
  const lanes = Math.ceil(norm.rows / perLane) * wide;
  const { size, workgroups } = spread(lanes, 64);
  const inputs = [
    "x",
    "statistics",
    "weight",
    "bias",
    ...(norm.prelu ? ["slope"] : []),
    ...(norm.residual ? ["residual"] : []),
  ];
  const length: Record<string, number> = { x: total, residual: total, statistics: 2 * wide };
  return {
    name: `batch norm apply ${norm.rows}x${norm.channels}`,
    bindings: [...inputs.map(() => "read" as const), "write"],
    workgroups,
    wgsl: `
${inputs.map((name, i) => storage(i, name, type, length[name] ?? wide)).join("\n")}
${storage(inputs.length, "y", type, total, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${wide}u;
  let mean = statistics[c];
  let scale = statistics[${wide}u + c] * weight[c];
  let shift = bias[c];
  ${norm.prelu ? "let negative = slope[c];" : ""}
  for (var i = 0u; i < ${perLane}u; i++) {
    let row = lane / ${wide}u * ${perLane}u + i;
    if (row >= ${norm.rows}u) { return; }
    let at = row * ${wide}u + c;
    var value = (x[at] - mean) * scale + shift;
    ${norm.prelu ? `value = select(value * negative, value, value > ${type}());` : ""}
    ${norm.residual ? "value += residual[at];" : ""}
    y[at] = value;
  }
}`,
  };
});

/**
 * The sums a backward pass needs, per part and channel: gradient after PReLU; that times the normalised value; and, with
 * PReLU, gradient times the negative value. Normalised values are computed again, not kept.
 * Bindings: x, dy, statistics, weight, bias, [slope], parts [3 or 2, parts, channels].
 */
export const batchNormGradientPartsKernel = remembered(
  function (norm: BatchNorm & { readonly prelu: boolean }): KernelSpec {
    const { type, count: wide } = vectorOf(norm.channels);
    const parts = batchNormParts(norm);
    const perPart = Math.ceil(norm.rows / parts);
    const lanes = parts * wide;
    const { size, workgroups } = spread(lanes, 64);
    // Without PReLU the affine part does not matter to the sums.
    const inputs = norm.prelu ? ["x", "dy", "statistics", "weight", "bias", "slope"] : ["x", "dy", "statistics"];
    const length: Record<string, number> = { x: norm.rows * wide, dy: norm.rows * wide, statistics: 2 * wide };
    return {
      name: `batch norm gradient parts ${norm.rows}x${norm.channels}`,
      bindings: [...inputs.map(() => "read" as const), "write"],
      workgroups,
      wgsl: `
${inputs.map((name, i) => storage(i, name, type, length[name] ?? wide)).join("\n")}
${storage(inputs.length, "parts", type, (norm.prelu ? 3 : 2) * lanes, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${wide}u;
  let first = lane / ${wide}u * ${perPart}u;
  let last = min(first + ${perPart}u, ${norm.rows}u);
  let mean = statistics[c];
  let inverse = statistics[${wide}u + c];
  ${norm.prelu ? "let scale = weight[c]; let shift = bias[c]; let negative = slope[c];" : ""}
  var sum = ${type}();
  var product = ${type}();
  var slopeSum = ${type}();
  for (var row = first; row < last; row++) {
    let normal = (x[row * ${wide}u + c] - mean) * inverse;
    var g = dy[row * ${wide}u + c];
    ${
        norm.prelu
          ? `let z = normal * scale + shift;
    let positive = z > ${type}();
    slopeSum += select(g * z, ${type}(), positive);
    g = select(g * negative, g, positive);`
          : ""
      }
    sum += g;
    product += g * normal;
  }
  parts[lane] = sum;
  parts[${lanes}u + lane] = product;
  ${norm.prelu ? `parts[${2 * lanes}u + lane] = slopeSum;` : ""}
}`,
    };
  },
);

/**
 * Gradient of x: scale * (g - mean(g) - normal * mean(g * normal)).
 * Bindings: x, dy, statistics, sums of g and of g * normal, weight, [bias, slope], dx.
 */
export const batchNormInputGradientKernel = remembered(
  function (norm: BatchNorm & { readonly prelu: boolean }): KernelSpec {
    const { type, count: wide } = vectorOf(norm.channels);
    const total = norm.rows * wide;
    const perLane = 4;
    const lanes = Math.ceil(norm.rows / perLane) * wide;
    const { size, workgroups } = spread(lanes, 64);
    const inputs = [
      "x",
      "dy",
      "statistics",
      "gradientSum",
      "productSum",
      "weight",
      ...(norm.prelu ? ["bias", "slope"] : []),
    ];
    const length: Record<string, number> = { x: total, dy: total, statistics: 2 * wide };
    return {
      name: `batch norm input gradient ${norm.rows}x${norm.channels}`,
      bindings: [...inputs.map(() => "read" as const), "write"],
      workgroups,
      wgsl: `
${inputs.map((name, i) => storage(i, name, type, length[name] ?? wide)).join("\n")}
${storage(inputs.length, "dx", type, total, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${wide}u;
  let mean = statistics[c];
  let inverse = statistics[${wide}u + c];
  let scale = weight[c];
  let gradientMean = gradientSum[c] / ${norm.rows}.0;
  let productMean = productSum[c] / ${norm.rows}.0;
  ${norm.prelu ? "let shift = bias[c]; let negative = slope[c];" : ""}
  for (var i = 0u; i < ${perLane}u; i++) {
    let row = lane / ${wide}u * ${perLane}u + i;
    if (row >= ${norm.rows}u) { return; }
    let at = row * ${wide}u + c;
    let normal = (x[at] - mean) * inverse;
    var g = dy[at];
    ${norm.prelu ? `g = select(g * negative, g, normal * scale + shift > ${type}());` : ""}
    dx[at] = scale * inverse * (g - gradientMean - normal * productMean);
  }
}`,
    };
  },
);
