import type { KernelSpec } from "../kernel_spec.ts";
import { type BatchNorm, batchNormParts } from "./batch_norm.ts";
import { remembered } from "./remembered.ts";
import { addShared, perGroup, sharedSums } from "./shared_sums.ts";
import { flatIndex, spread, storage, vectorOf } from "./wgsl.ts";

/**
 * First half of the statistics: per part and channel the mean and the sum of squared deviations from it, computed from
 * differences to the part's first row so that nothing cancels. Bindings: x, parts [2, parts, channels].
 */
export const batchNormPartsKernel = remembered(function (norm: BatchNorm): KernelSpec {
  const { type, count: wide } = vectorOf(norm.channels);
  const parts = batchNormParts(norm);
  const perPart = Math.ceil(norm.rows / parts);
  const lanes = parts * wide;
  const { size, workgroups } = spread(lanes, 64);
  return {
    name: `batch norm parts ${norm.rows}x${norm.channels}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "x", type, norm.rows * wide)}
${storage(1, "parts", type, 2 * lanes, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${wide}u;
  let first = lane / ${wide}u * ${perPart}u;
  let last = min(first + ${perPart}u, ${norm.rows}u);
  let count = f32(max(last, first + 1u) - first);
  let origin = x[min(first, ${norm.rows - 1}u) * ${wide}u + c];
  var sum = ${type}();
  var square = ${type}();
  for (var row = first + 1u; row < last; row++) {
    let d = x[row * ${wide}u + c] - origin;
    sum += d;
    square += d * d;
  }
  parts[lane] = origin + sum / count;
  parts[${lanes}u + lane] = square - sum * sum / count;
}`,
  };
});

/** A lane for each vector of channels, or the lanes of a workgroup together. */
function perChannel({ channels, shared }: BatchNorm) {
  const { count: wide } = vectorOf(channels);
  return shared ? perGroup(wide) : spread(wide, 64);
}

/** Statements for `c`, the vector of channels that the lane sums up. */
function ownChannel(norm: BatchNorm): string {
  if (norm.shared) return "let c = wg.x;";
  const { size, workgroups } = perChannel(norm);
  return `let c = ${flatIndex(workgroups, size)};
  if (c >= ${vectorOf(norm.channels).count}u) { return; }`;
}

/** Statements that join the parts to `sum` and `square` of all rows' differences to `origin`; see {@linkcode batchNormPartsKernel}. */
function joinedParts(norm: BatchNorm, lanes: number): string {
  const { type, count: wide } = vectorOf(norm.channels);
  const parts = batchNormParts(norm);
  const perPart = Math.ceil(norm.rows / parts);
  return `var sum = ${type}();
  var square = ${type}();
  let origin = parts[c];
  for (var part = ${norm.shared ? "local" : "0u"}; part < ${parts}u; part += ${norm.shared ? lanes : 1}u) {
    let count = f32(clamp(i32(${norm.rows}) - i32(part * ${perPart}u), 0, ${perPart}));
    let d = parts[part * ${wide}u + c] - origin;
    sum += count * d;
    square += count * d * d + select(${type}(), parts[(${parts}u + part) * ${wide}u + c], count > 0.0);
  }
  ${norm.shared ? addShared(["sum", "square"]) : ""}`;
}

/** Statements that make statistics of such sums over `rows`, and move the running ones. */
function settled(channels: number, rows: number, epsilon: number, momentum: number): string {
  const { type, count: wide } = vectorOf(channels);
  const unbiased = rows > 1 ? rows / (rows - 1) : 1;
  return `let mean = origin + sum / ${rows}.0;
  let variance = max((square - sum * (sum / ${rows}.0)) / ${rows}.0, ${type}());
  statistics[c] = mean;
  statistics[${wide}u + c] = 1.0 / sqrt(variance + ${epsilon});
  runningMean[c] = ${1 - momentum} * runningMean[c] + ${momentum} * mean;
  runningVariance[c] = ${1 - momentum} * runningVariance[c] + ${momentum * unbiased} * variance;`;
}

/**
 * Second half: joins the parts (Chan et al., "Updating formulae and a pairwise algorithm for computing sample variances",
 * 1979), and moves the running statistics: new = (1 - momentum) old + momentum batch, the variance with n/(n-1).
 * Bindings: parts, statistics [2, channels], runningMean, runningVariance.
 */
export const batchNormStatisticsKernel = remembered(
  function (norm: BatchNorm, epsilon: number, momentum: number): KernelSpec {
    const { type, count: wide } = vectorOf(norm.channels);
    const { size, workgroups } = perChannel(norm);
    return {
      name: `batch norm statistics ${norm.rows}x${norm.channels}`,
      bindings: ["read", "write", "write", "write"],
      workgroups,
      wgsl: `
${storage(0, "parts", type, 2 * batchNormParts(norm) * wide)}
${storage(1, "statistics", type, 2 * wide, "write")}
${storage(2, "runningMean", type, wide, "write")}
${storage(3, "runningVariance", type, wide, "write")}
${norm.shared ? sharedSums(type, ["sum", "square"]) : ""}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  ${ownChannel(norm)}
  ${joinedParts(norm, size)}
  ${settled(norm.channels, norm.rows, epsilon, momentum)}
}`,
    };
  },
);

/** The parts of one rank joined, as its share of {@linkcode sharedStatisticsKernel}. Bindings: parts, moments [1, 2, channels]. */
export const batchNormMomentsKernel = remembered(function (norm: BatchNorm): KernelSpec {
  const { type, count: wide } = vectorOf(norm.channels);
  const { size, workgroups } = perChannel(norm);
  return {
    name: `batch norm moments ${norm.rows}x${norm.channels}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "parts", type, 2 * batchNormParts(norm) * wide)}
${storage(1, "moments", type, 2 * wide, "write")}
${norm.shared ? sharedSums(type, ["sum", "square"]) : ""}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  ${ownChannel(norm)}
  ${joinedParts(norm, size)}
  moments[c] = origin + sum / ${norm.rows}.0;
  moments[${wide}u + c] = square - sum * (sum / ${norm.rows}.0);
}`,
  };
});

/**
 * Statistics over the rows of several ranks, `rows` of each, and the running ones move by them, as {@linkcode batchNormStatisticsKernel} does over
 * those of one. Bindings: moments [ranks, 2, channels] (mean, sum of squared deviations), statistics [2, channels], runningMean, runningVariance.
 */
export const sharedStatisticsKernel = remembered(
  function (channels: number, rows: readonly number[], epsilon: number, momentum: number): KernelSpec {
    const { type, count: wide } = vectorOf(channels);
    const { size, workgroups } = spread(wide, 64);
    const all = rows.reduce((sum, count) => sum + count, 0);
    return {
      name: `batch norm statistics of ${rows.length} ranks ${all}x${channels}`,
      bindings: ["read", "write", "write", "write"],
      workgroups,
      wgsl: `
${storage(0, "moments", type, 2 * rows.length * wide)}
${storage(1, "statistics", type, 2 * wide, "write")}
${storage(2, "runningMean", type, wide, "write")}
${storage(3, "runningVariance", type, wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = ${flatIndex(workgroups, size)};
  if (c >= ${wide}u) { return; }
  var sum = ${type}();
  var square = ${type}();
  let origin = moments[c];
  var d = ${type}();
  ${
        rows.map((count, rank) => `
  d = moments[${2 * rank * wide}u + c] - origin;
  sum += ${count}.0 * d;
  square += ${count}.0 * d * d + moments[${(2 * rank + 1) * wide}u + c];`).join("")
      }
  ${settled(channels, all, epsilon, momentum)}
}`,
    };
  },
);

/** Statistics from the running mean and variance. Bindings: runningMean, runningVariance, statistics [2, channels]. */
export const runningStatisticsKernel = remembered(function (channels: number, epsilon: number): KernelSpec {
  const { type, count: wide } = vectorOf(channels);
  const { size, workgroups } = spread(wide, 64);
  return {
    name: `running statistics ${channels}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "runningMean", type, wide)}
${storage(1, "runningVariance", type, wide)}
${storage(2, "statistics", type, 2 * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = ${flatIndex(workgroups, size)};
  if (c >= ${wide}u) { return; }
  statistics[c] = runningMean[c];
  statistics[${wide}u + c] = 1.0 / sqrt(runningVariance[c] + ${epsilon});
}`,
  };
});
