import type { KernelSpec } from "../kernel_spec.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

const vectorOf = (size: number): { type: "vec4f" | "f32"; count: number } =>
  size % 4 === 0 ? { type: "vec4f", count: size / 4 } : { type: "f32", count: size };

/**
 * Adds up parts: sums[i] = parts[0][i] + parts[1][i] + …, for each of `sets` stacked tables of parts.
 * Bindings: parts [sets, parts, size], sums [sets, size].
 */
export function sumPartsKernel(sets: number, parts: number, size: number): KernelSpec {
  const { type, count } = vectorOf(size);
  const { size: group, workgroups } = spread(sets * count, 64);
  return {
    name: `sum of ${parts} parts of ${size}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "parts", type, sets * parts * count)}
${storage(1, "sums", type, sets * count, "write")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, group)};
  if (i >= ${sets * count}u) { return; }
  let first = i / ${count}u * ${parts * count}u + i % ${count}u;
  var sum = parts[first];
  for (var part = 1u; part < ${parts}u; part++) { sum += parts[first + part * ${count}u]; }
  sums[i] = sum;
}`,
  };
}

/** Swaps the last two axes of [taps, rows, cols]. Bindings: from, to. */
export function transposeKernel(taps: number, rows: number, cols: number): KernelSpec {
  const total = taps * rows * cols;
  const { size, workgroups } = spread(total, 64);
  return {
    name: `transpose ${taps}x${rows}x${cols}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "from_", "f32", total)}
${storage(1, "to", "f32", total, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${total}u) { return; }
  let row = i % ${rows}u;
  let col = i / ${rows}u % ${cols}u;
  to[i] = from_[(i / ${rows * cols}u * ${rows}u + row) * ${cols}u + col];
}`,
  };
}

/**
 * SGD with momentum in place: v = momentum v + (scale g + decay p), p = p - rate v.
 * Bindings: hyper [rate, momentum, decay, scale], gradient, velocity, parameter.
 */
export function sgdKernel(size: number): KernelSpec {
  const { type, count } = vectorOf(size);
  const { size: group, workgroups } = spread(count, 64);
  return {
    name: `sgd ${size}`,
    bindings: ["read", "read", "write", "write"],
    workgroups,
    wgsl: `
${storage(0, "hyper", "f32", 4)}
${storage(1, "gradient", type, count)}
${storage(2, "velocity", type, count, "write")}
${storage(3, "parameter", type, count, "write")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, group)};
  if (i >= ${count}u) { return; }
  let p = parameter[i];
  let v = hyper[1] * velocity[i] + (hyper[3] * gradient[i] + hyper[2] * p);
  velocity[i] = v;
  parameter[i] = p - hyper[0] * v;
}`,
  };
}

/**
 * Unpacks RGB bytes to float32 NHWC with a fourth channel of zeros, normalised as (x/255 - 0.5)/0.5, mirrored where the
 * image's flag is set. Bindings: bytes [N*S*S*3 packed in u32], flips [N] (i32), output [N, S, S, 4].
 */
export function unpackImagesKernel(batch: number, imageSize: number): KernelSpec {
  const pixels = batch * imageSize * imageSize;
  const words = Math.ceil(pixels * 3 / 4);
  const { size, workgroups } = spread(pixels, 64);
  return {
    name: `unpack ${batch} images of ${imageSize}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "bytes", "u32", words)}
${storage(1, "flips", "i32", batch)}
${storage(2, "output", "vec4f", pixels, "write")}
fn byteAt(i: u32) -> f32 { return f32((bytes[i / 4u] >> (i % 4u * 8u)) & 255u); }
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${pixels}u) { return; }
  let x = i % ${imageSize}u;
  let image = i / ${imageSize * imageSize}u;
  let from_ = select(i, i - x + ${imageSize - 1}u - x, flips[image] != 0) * 3u;
  let rgb = vec3f(byteAt(from_), byteAt(from_ + 1u), byteAt(from_ + 2u));
  output[i] = vec4f((rgb / 255.0 - 0.5) / 0.5, 0.0);
}`,
  };
}

/**
 * Moves class centers towards embeddings: M[y] = (1-mu) e + mu M[y]. A label more than once in the batch: `last` takes
 * its last row, `mean` the mean of its rows. Bindings: embeddings [B, D], labels [B] (i32), centers [C, D].
 */
export function updateCentersKernel(
  batch: number,
  dim: number,
  classes: number,
  momentum: number,
  repeated: "last" | "mean",
): KernelSpec {
  const lanes = batch * dim;
  const { size, workgroups } = spread(lanes, 64);
  return {
    name: `update centers ${batch}x${dim}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "embeddings", "f32", lanes)}
${storage(1, "labels", "i32", batch)}
${storage(2, "centers", "f32", classes * dim, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let d = lane % ${dim}u;
  let row = lane / ${dim}u;
  let label = labels[row];
  // The last row of a label does the work for all of them.
  for (var later = row + 1u; later < ${batch}u; later++) { if (labels[later] == label) { return; } }
  var sum = embeddings[lane];
  ${
      repeated === "mean"
        ? `var count = 1.0;
  for (var earlier = 0u; earlier < row; earlier++) {
    if (labels[earlier] == label) { sum += embeddings[earlier * ${dim}u + d]; count += 1.0; }
  }
  sum /= count;`
        : ""
    }
  let at = u32(label) * ${dim}u + d;
  centers[at] = ${1 - momentum} * sum + ${momentum} * centers[at];
}`,
  };
}
