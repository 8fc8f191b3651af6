import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { addShared, perGroup, sharedSums } from "./shared_sums.ts";
import { flatIndex, groupIndex, inFours, spread, storage } from "./wgsl.ts";

/**
 * Rows of a table of classes: weights, velocities or centers, [classes, dim], or some of them that a binding holds. `dim` is a multiple of
 * four.
 */
export interface ClassRows {
  /** Classes in this range. */
  readonly classes: number;
  /** Length of an embedding. */
  readonly dim: number;
  /** A workgroup does a row, as GPUs want it: its lanes read neighbours. Else a lane does. @default false */
  readonly shared?: boolean;
}

/** How a row is gone over, by a lane or by the lanes of a workgroup. */
function rowLanes(count: number, wide: number, shared = false) {
  const { size, workgroups } = shared ? perGroup(count) : spread(count, 64);
  return {
    workgroups,
    /** Begins the kernel; `row` is the row's number. */
    begin: (row: string) => `
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let ${row} = ${shared ? groupIndex(workgroups) : flatIndex(workgroups, size)};
  if (${row} >= ${count}u) { return; }`,
    /** Declares what {@linkcode total} needs. */
    memory: (...sums: string[]) => shared ? sharedSums("vec4f", sums) : "",
    /** Makes of variables of these names their sums over the row, for all of its lanes. */
    total: (...sums: string[]) => shared ? addShared(sums, { toAll: true }) : "",
    /** Goes over the row's vectors; `d` is the vector's number. */
    each: (body: string) =>
      `for (var d = ${shared ? "local" : "0u"}; d < ${wide}u; d += ${shared ? size : 1}u) { ${body} }`,
    /** Does something once for the row. */
    once: (body: string) => shared ? `if (local == 0u) { ${body} }` : body,
  };
}

const sumOf = (vector: string): string => `(${vector}.x + ${vector}.y + ${vector}.z + ${vector}.w)`;

/**
 * Inverse length of each row, 0 for one of no length, and, `centers` given, its hardness: 1 - cosine of weight and center.
 * Bindings: weight [classes, dim], [centers], inverse [classes], [hardness].
 */
export const classRowsKernel = remembered(
  function ({ dim, classes, shared }: ClassRows, centers: boolean): KernelSpec {
    const wide = dim / 4;
    const { workgroups, begin, memory, total, each, once } = rowLanes(classes, wide, shared);
    const at = centers ? 2 : 1;
    const sums = centers ? ["ww", "wm", "mm"] : ["ww"];
    return {
      name: `class rows ${classes}x${dim}`,
      bindings: centers ? ["read", "read", "write", "write"] : ["read", "write"],
      workgroups,
      wgsl: `
${storage(0, "weight", "vec4f", classes * wide)}
${centers ? storage(1, "centers", "vec4f", classes * wide) : ""}
${storage(at, "inverse", "f32", classes, "write")}
${centers ? storage(3, "hardness", "f32", classes, "write") : ""}
${memory(...sums)}
${begin("c")}
  ${sums.map((name) => `var ${name} = vec4f();`).join(" ")}
  ${
        each(`
    let w = weight[c * ${wide}u + d];
    ww += w * w;
    ${centers ? `let m = centers[c * ${wide}u + d]; wm += w * m; mm += m * m;` : ""}
  `)
      }
  ${total(...sums)}
  ${
        once(`
  let length = sqrt${sumOf("ww")};
  inverse[c] = select(0.0, 1.0 / max(length, 1e-12), length > 1e-12);
  ${centers ? `hardness[c] = 1.0 - ${sumOf("wm")} / max(length * sqrt${sumOf("mm")}, 1e-8);` : ""}
  `)
      }
}`,
    };
  },
);

/**
 * Cosine of each sample with its own class, for samples whose class is in the range; others are left as they are.
 * Bindings: embeddings (unit) [batch, dim], weight [classes, dim], inverse [classes], labels [batch] (i32), first [1] (i32), target [batch].
 */
export const targetCosineKernel = remembered(
  function ({ batch, dim, classes }: ClassRows & { readonly batch: number }): KernelSpec {
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
  target_[i] = ${sumOf("dot4")} * inverse[c];
}`,
    };
  },
);

/**
 * Gradient of the weights from that of their directions, which is divided by their lengths already: what lies along a row falls away.
 * Bindings: directions [classes in fours, dim], weight [classes, dim], inverse [classes], gradient [classes, dim].
 */
export const classTangentKernel = remembered(function ({ dim, classes, shared }: ClassRows): KernelSpec {
  const wide = dim / 4;
  const { workgroups, begin, memory, total, each } = rowLanes(classes, wide, shared);
  return {
    name: `class tangent ${classes}x${dim}`,
    bindings: ["read", "read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "directions", "vec4f", inFours(classes) * wide)}
${storage(1, "weight", "vec4f", classes * wide)}
${storage(2, "inverse", "f32", classes)}
${storage(3, "gradient", "vec4f", classes * wide, "write")}
${memory("dot4")}
${begin("c")}
  var dot4 = vec4f();
  ${each(`dot4 += directions[c * ${wide}u + d] * weight[c * ${wide}u + d];`)}
  ${total("dot4")}
  let along = ${sumOf("dot4")} * inverse[c] * inverse[c];
  ${each(`gradient[c * ${wide}u + d] = directions[c * ${wide}u + d] - weight[c * ${wide}u + d] * along;`)}
}`,
  };
});

/**
 * What {@linkcode classTangentKernel} gives, used at once: a step of SGD with momentum, in place, v = momentum v + (g + decay p), p = p - rate v.
 * Bindings: directions [classes in fours, dim], inverse [classes], hyper [rate, momentum, decay], velocity [classes, dim], weight [classes, dim].
 */
export const classUpdateKernel = remembered(function ({ dim, classes, shared }: ClassRows): KernelSpec {
  const wide = dim / 4;
  const { workgroups, begin, memory, total, each } = rowLanes(classes, wide, shared);
  return {
    name: `class update ${classes}x${dim}`,
    bindings: ["read", "read", "read", "write", "write"],
    workgroups,
    wgsl: `
${storage(0, "directions", "vec4f", inFours(classes) * wide)}
${storage(1, "inverse", "f32", classes)}
${storage(2, "hyper", "f32", 3)}
${storage(3, "velocity", "vec4f", classes * wide, "write")}
${storage(4, "weight", "vec4f", classes * wide, "write")}
${memory("dot4")}
${begin("c")}
  let rate = hyper[0];
  let momentum = hyper[1];
  let decay = hyper[2];
  var dot4 = vec4f();
  ${each(`dot4 += directions[c * ${wide}u + d] * weight[c * ${wide}u + d];`)}
  ${total("dot4")}
  let along = ${sumOf("dot4")} * inverse[c] * inverse[c];
  ${
      each(`
    let at = c * ${wide}u + d;
    let p = weight[at];
    let v = momentum * velocity[at] + (directions[at] - p * along + decay * p);
    velocity[at] = v;
    weight[at] = p - rate * v;
  `)
    }
}`,
  };
});

/** Rows and zeros after them, up to a multiple of four. Bindings: weight [classes, dim], padded [classes in fours, dim]. */
export const paddedRowsKernel = remembered(function ({ dim, classes }: ClassRows): KernelSpec {
  const wide = dim / 4;
  const total = inFours(classes) * wide;
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
