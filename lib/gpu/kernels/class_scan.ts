import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/**
 * Kernels of a softmax over many classes that never holds a [batch, classes] tensor: classes are gone over in ranges, with a running maximum
 * and sum, and their cosines are computed again for the gradient. A range is rows `first` … of the class weights; the buffers
 * bound are those rows alone, so that a table may be larger than one binding.
 *
 * `dim` is a multiple of four.
 */
export interface ClassRange {
  /** Samples. */
  readonly batch: number;
  /** Length of an embedding. */
  readonly dim: number;
  /** Classes in this range. */
  readonly classes: number;
}

/** Samples and classes a lane keeps dot products of. */
const TILE = 8;
/** Classes a lane of the scan goes over, one tile after the other. */
const STRIP = 256;

/**
 * Inverse length of each row, 0 for one of no length, and, `centers` given, its hardness: 1 - cosine of weight and center.
 * Bindings: weight [classes, dim], [centers], inverse [classes], [hardness].
 */
export const classRowsKernel = remembered(
  function ({ dim, classes }: Omit<ClassRange, "batch">, centers: boolean): KernelSpec {
    const wide = dim / 4;
    const { size, workgroups } = spread(classes, 64);
    const at = centers ? 2 : 1;
    return {
      name: `class rows ${classes}x${dim}`,
      bindings: centers ? ["read", "read", "write", "write"] : ["read", "write"],
      workgroups,
      wgsl: `
${storage(0, "weight", "vec4f", classes * wide)}
${centers ? storage(1, "centers", "vec4f", classes * wide) : ""}
${storage(at, "inverse", "f32", classes, "write")}
${centers ? storage(3, "hardness", "f32", classes, "write") : ""}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = ${flatIndex(workgroups, size)};
  if (c >= ${classes}u) { return; }
  var ww = vec4f();
  ${centers ? "var wm = vec4f(); var mm = vec4f();" : ""}
  for (var d = 0u; d < ${wide}u; d++) {
    let w = weight[c * ${wide}u + d];
    ww += w * w;
    ${centers ? `let m = centers[c * ${wide}u + d]; wm += w * m; mm += m * m;` : ""}
  }
  let length = sqrt(ww.x + ww.y + ww.z + ww.w);
  inverse[c] = select(0.0, 1.0 / max(length, 1e-12), length > 1e-12);
  ${
        centers
          ? "hardness[c] = 1.0 - (wm.x + wm.y + wm.z + wm.w) / max(length * sqrt(mm.x + mm.y + mm.z + mm.w), 1e-8);"
          : ""
      }
}`,
    };
  },
);

/**
 * Cosine of each sample with its own class, for samples whose class is in the range; others are left as they are.
 * Bindings: embeddings (unit) [batch, dim], weight [classes, dim], inverse [classes], labels [batch] (i32), first [1] (i32), target [batch].
 */
export const targetCosineKernel = remembered(function ({ batch, dim, classes }: ClassRange): KernelSpec {
  const wide = dim / 4;
  const { size, workgroups } = spread(batch, 8);
  return {
    name: `target cosines ${batch} of ${classes}x${dim}`,
    bindings: ["read", "read", "read", "read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "embeddings", "vec4f", batch * wide)}
${storage(1, "weight", "vec4f", classes * wide)}
${storage(2, "inverse", "f32", classes)}
${storage(3, "labels", "i32", batch)}
${storage(4, "first", "i32", 1)}
${storage(5, "target_", "f32", batch, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${batch}u) { return; }
  let c = labels[i] - first[0];
  if (c < 0 || c >= ${classes}) { return; }
  var dot4 = vec4f();
  for (var d = 0u; d < ${wide}u; d++) { dot4 += embeddings[i * ${wide}u + d] * weight[u32(c) * ${wide}u + d]; }
  target_[i] = (dot4.x + dot4.y + dot4.z + dot4.w) * inverse[c];
}`,
  };
});

/** Partial results of the scan for one range: this many strips of classes. */
export function scanStrips(classes: number): number {
  return Math.ceil(classes / STRIP);
}

/**
 * For each sample and strip of classes: the largest logit, the sum of exp(logit - largest), the largest cosine and its class. The label's
 * logit is scale * phi. Bindings: embeddings (unit), weight, inverse, labels, phi [batch], first [1] (i32),
 * parts [strips, batch, 4].
 */
export const classScanKernel = remembered(function (range: ClassRange, scale: number): KernelSpec {
  const { batch, classes } = range;
  const strips = scanStrips(classes);
  const rowTiles = Math.ceil(batch / TILE);
  const lanes = strips * rowTiles;
  const { size, workgroups } = spread(lanes, 8);
  return {
    name: `class scan ${batch} of ${classes}x${range.dim}`,
    bindings: ["read", "read", "read", "read", "read", "read", "write"],
    workgroups,
    wgsl: `
${tileBindings(range)}
${storage(3, "labels", "i32", batch)}
${storage(4, "phi", "f32", batch)}
${storage(5, "first", "i32", 1)}
${storage(6, "parts", "vec4f", strips * batch, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let strip = lane / ${rowTiles}u;
  let row0 = lane % ${rowTiles}u * ${TILE}u;
  // The tile's sums go to an array and a loop goes over it: the loop's body, exponentials and all, is compiled once.
  var top: array<f32, ${TILE}>;
  var sum: array<f32, ${TILE}>;
  var best: array<vec2f, ${TILE}>;
  for (var r = 0u; r < ${TILE}u; r++) { top[r] = -3.0e38; best[r] = vec2f(-3.0e38, 0.0); }
  let end = min(strip * ${STRIP}u + ${STRIP}u, ${classes}u);
  for (var class0 = strip * ${STRIP}u; class0 < end; class0 += ${TILE}u) {
    ${dotTile(range)}
    for (var r = 0u; r < ${TILE}u; r++) {
      let row = min(row0 + r, ${batch - 1}u);
      let label = labels[row] - first[0];
      for (var c = 0u; c < min(${TILE}u, end - class0); c++) {
        let cosine = dots[r * ${TILE}u + c] * inverse[class0 + c];
        let logit = ${scale} * select(cosine, phi[row], i32(class0 + c) == label);
        if (cosine > best[r].x) { best[r] = vec2f(cosine, f32(i32(class0 + c) + first[0])); }
        let higher = max(top[r], logit);
        sum[r] = sum[r] * exp(top[r] - higher) + exp(logit - higher);
        top[r] = higher;
      }
    }
  }
  for (var r = 0u; r < ${TILE}u; r++) {
    if (row0 + r < ${batch}u) { parts[strip * ${batch}u + row0 + r] = vec4f(top[r], sum[r], best[r]); }
  }
}`,
  };
});

/**
 * Joins the scan's parts: log of the sum of exponentials, and 1 where the largest cosine is the label's.
 * Bindings: parts [strips, batch, 4], labels [batch] (i32), result [2, batch].
 */
export const joinScanKernel = remembered(function (batch: number, strips: number): KernelSpec {
  const { size, workgroups } = spread(batch, 8);
  return {
    name: `join scan ${batch} of ${strips}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "parts", "vec4f", strips * batch)}
${storage(1, "labels", "i32", batch)}
${storage(2, "result", "f32", 2 * batch, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${batch}u) { return; }
  var top = -3.0e38;
  var best = vec2f(-3.0e38, 0.0);
  for (var s = 0u; s < ${strips}u; s++) {
    let part = parts[s * ${batch}u + i];
    top = max(top, part.x);
    if (part.z > best.x) { best = part.zw; }
  }
  var sum = 0.0;
  for (var s = 0u; s < ${strips}u; s++) {
    let part = parts[s * ${batch}u + i];
    sum += part.y * exp(part.x - top);
  }
  result[i] = top + log(sum);
  result[${batch}u + i] = select(0.0, 1.0, i32(best.y) == labels[i]);
}`,
  };
});

/** Joins the scan's parts to one, to be joined with others'. Bindings: parts [strips, batch, 4], joined [1, batch, 4]. */
export const joinScanPartsKernel = remembered(function (batch: number, strips: number): KernelSpec {
  const { size, workgroups } = spread(batch, 8);
  return {
    name: `join scan parts ${batch} of ${strips}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "parts", "vec4f", strips * batch)}
${storage(1, "joined", "vec4f", batch, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${batch}u) { return; }
  var all = vec4f(-3.0e38, 0.0, -3.0e38, 0.0);
  for (var s = 0u; s < ${strips}u; s++) {
    let part = parts[s * ${batch}u + i];
    let top = max(all.x, part.x);
    all.y = all.y * exp(all.x - top) + part.y * exp(part.x - top);
    all.x = top;
    if (part.z > all.z) { all.z = part.z; all.w = part.w; }
  }
  joined[i] = all;
}`,
  };
});

/** Classes of a range as its gradient table has them: rounded up, the rest zeros. */
export function gradientColumns(classes: number): number {
  return Math.ceil(classes / 4) * 4;
}

/**
 * Gradient of the mean loss by each cosine of a range: (softmax - 1 at the label) * scale / batch, at the label times the slope of phi;
 * and divided by the length of the class weight, so that the weights themselves give the gradient of the embeddings' directions.
 * Bindings: embeddings (unit), weight, inverse, labels, rows [4, batch] (phi, its slope, log-sum, upstream gradient), first [1]
 * (i32), gradient [batch, columns].
 */
export const classGradientKernel = remembered(function (range: ClassRange, scale: number): KernelSpec {
  const { batch, classes } = range;
  const columns = gradientColumns(classes);
  const rowTiles = Math.ceil(batch / TILE);
  const classTiles = Math.ceil(columns / TILE);
  const lanes = classTiles * rowTiles;
  const { size, workgroups } = spread(lanes, 8);
  return {
    name: `class gradient ${batch} of ${classes}x${range.dim}`,
    bindings: ["read", "read", "read", "read", "read", "read", "write"],
    workgroups,
    wgsl: `
${tileBindings(range)}
${storage(3, "labels", "i32", batch)}
${storage(4, "rows", "f32", 4 * batch)}
${storage(5, "first", "i32", 1)}
${storage(6, "gradient", "f32", batch * columns, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let row0 = lane % ${rowTiles}u * ${TILE}u;
  let class0 = lane / ${rowTiles}u * ${TILE}u;
  ${dotTile(range)}
  for (var r = 0u; r < ${TILE}u; r++) {
    let row = row0 + r;
    if (row >= ${batch}u) { return; }
    for (var c = 0u; c < ${TILE}u; c++) {
      let class_ = class0 + c;
      if (class_ >= ${columns}u) { break; }
      let own = i32(class_) == labels[row] - first[0];
      let shorter = inverse[min(class_, ${classes - 1}u)];
      let logit = ${scale} * select(dots[r * ${TILE}u + c] * shorter, rows[row], own);
      let share = exp(min(logit - rows[${2 * batch}u + row], 0.0));
      let g = select(share, (share - 1.0) * rows[${batch}u + row], own) * ${scale / batch} * rows[${
      3 * batch
    }u + row] * shorter;
      gradient[row * ${columns}u + class_] = select(0.0, g, class_ < ${classes}u);
    }
  }
}`,
  };
});

/**
 * Gradient of the weights from that of their directions, which is divided by their lengths already: what lies along a row falls away.
 * Bindings: directions [columns, dim], weight [classes, dim], inverse [classes], gradient [classes, dim].
 */
export const classTangentKernel = remembered(function ({ dim, classes }: Omit<ClassRange, "batch">): KernelSpec {
  const wide = dim / 4;
  const { size, workgroups } = spread(classes, 64);
  return {
    name: `class tangent ${classes}x${dim}`,
    bindings: ["read", "read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "directions", "vec4f", gradientColumns(classes) * wide)}
${storage(1, "weight", "vec4f", classes * wide)}
${storage(2, "inverse", "f32", classes)}
${storage(3, "gradient", "vec4f", classes * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = ${flatIndex(workgroups, size)};
  if (c >= ${classes}u) { return; }
  var dot4 = vec4f();
  for (var d = 0u; d < ${wide}u; d++) { dot4 += directions[c * ${wide}u + d] * weight[c * ${wide}u + d]; }
  let along = (dot4.x + dot4.y + dot4.z + dot4.w) * inverse[c] * inverse[c];
  for (var d = 0u; d < ${wide}u; d++) {
    gradient[c * ${wide}u + d] = directions[c * ${wide}u + d] - weight[c * ${wide}u + d] * along;
  }
}`,
  };
});

/**
 * What {@linkcode classTangentKernel} gives, used at once: a step of SGD with momentum, in place, v = momentum v + (g + decay p), p = p - rate v.
 * Bindings: directions [columns, dim], inverse [classes], hyper [rate, momentum, decay], velocity [classes, dim], weight [classes, dim].
 */
export const classUpdateKernel = remembered(function ({ dim, classes }: Omit<ClassRange, "batch">): KernelSpec {
  const wide = dim / 4;
  const { size, workgroups } = spread(classes, 64);
  return {
    name: `class update ${classes}x${dim}`,
    bindings: ["read", "read", "read", "write", "write"],
    workgroups,
    wgsl: `
${storage(0, "directions", "vec4f", gradientColumns(classes) * wide)}
${storage(1, "inverse", "f32", classes)}
${storage(2, "hyper", "f32", 3)}
${storage(3, "velocity", "vec4f", classes * wide, "write")}
${storage(4, "weight", "vec4f", classes * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let c = ${flatIndex(workgroups, size)};
  if (c >= ${classes}u) { return; }
  let rate = hyper[0];
  let momentum = hyper[1];
  let decay = hyper[2];
  var dot4 = vec4f();
  for (var d = 0u; d < ${wide}u; d++) { dot4 += directions[c * ${wide}u + d] * weight[c * ${wide}u + d]; }
  let along = (dot4.x + dot4.y + dot4.z + dot4.w) * inverse[c] * inverse[c];
  for (var d = 0u; d < ${wide}u; d++) {
    let at = c * ${wide}u + d;
    let p = weight[at];
    let v = momentum * velocity[at] + (directions[at] - p * along + decay * p);
    velocity[at] = v;
    weight[at] = p - rate * v;
  }
}`,
  };
});

/** Rows and zeros after them, up to {@linkcode gradientColumns}. Bindings: weight [classes, dim], padded [columns, dim]. */
export const paddedRowsKernel = remembered(function ({ dim, classes }: Omit<ClassRange, "batch">): KernelSpec {
  const wide = dim / 4;
  const total = gradientColumns(classes) * wide;
  const { size, workgroups } = spread(total, 64);
  return {
    name: `padded rows ${classes}x${dim}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "weight", "vec4f", classes * wide)}
${storage(1, "padded", "vec4f", total, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${total}u) { return; }
  padded[i] = select(vec4f(), weight[min(i, ${classes * wide - 1}u)], i < ${classes * wide}u);
}`,
  };
});

function tileBindings({ batch, dim, classes }: ClassRange): string {
  return [
    storage(0, "embeddings", "vec4f", batch * dim / 4),
    storage(1, "weight", "vec4f", classes * dim / 4),
    storage(2, "inverse", "f32", classes),
  ].join("\n");
}

/** `dots`: products of TILE samples from `row0` and TILE classes from `class0`. */
function dotTile({ batch, dim, classes }: ClassRange): string {
  const wide = dim / 4;
  const lines: string[] = [];
  for (let r = 0; r < TILE; r++) lines.push(`let e${r} = min(row0 + ${r}u, ${batch - 1}u) * ${wide}u;`);
  for (let c = 0; c < TILE; c++) lines.push(`let w${c} = min(class0 + ${c}u, ${classes - 1}u) * ${wide}u;`);
  lines.push(eachPair((r, c) => `var v${r}_${c} = vec4f();`));
  lines.push(`for (var k = 0u; k < ${wide}u; k++) {`);
  for (let r = 0; r < TILE; r++) lines.push(`let x${r} = embeddings[e${r} + k];`);
  for (let c = 0; c < TILE; c++) lines.push(`let y${c} = weight[w${c} + k];`);
  lines.push(eachPair((r, c) => `v${r}_${c} += x${r} * y${c};`), "}");
  lines.push(`var dots: array<f32, ${TILE * TILE}>;`);
  lines.push(eachPair((r, c) => {
    const v = `v${r}_${c}`;
    return `dots[${r * TILE + c}] = ${v}.x + ${v}.y + ${v}.z + ${v}.w;`;
  }));
  return lines.join("\n    ");
}

function eachPair(line: (row: number, column: number) => string): string {
  const lines: string[] = [];
  for (let r = 0; r < TILE; r++) {
    for (let c = 0; c < TILE; c++) lines.push(line(r, c));
  }
  return lines.join("\n    ");
}
