import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { perGroup } from "./shared_sums.ts";
import { flatIndex, groupIndex, inFours, spread, storage } from "./wgsl.ts";

/**
 * Kernels of a softmax over many classes that never holds a [batch, classes] tensor: classes are gone over in ranges, with a running maximum
 * and sum, and a range's dot products are computed again for the gradient. They come as a table [classes, columns], a product of the
 * class weights with the embeddings turned round; columns are the samples, rounded up to a multiple of four.
 */
export interface ClassTableShape {
  /** Samples. */
  readonly batch: number;
  /** Classes in this range. */
  readonly classes: number;
}

/** Classes a lane of the scan goes over, four at a time. */
const STRIP = 256;

/** Less than any logit, and still a number that can be reckoned with. */
const LOWEST = "-3.0e38";

/** Partial results of the scan for one range: this many strips of classes. */
export function scanStrips(classes: number): number {
  return Math.ceil(classes / STRIP);
}

/** What scan and gradient both read: the table, with what is known of its classes and samples. */
function tableBindings({ batch, classes }: ClassTableShape): string {
  return [
    storage(0, "table", "vec4f", classes * inFours(batch) / 4),
    storage(1, "inverse", "f32", classes),
    storage(2, "labels", "i32", batch),
    storage(4, "first", "i32", 1),
  ].join("\n");
}

/** WGSL: four samples' values of a table of one value a sample, from the lane's first sample on. */
function ofSamples(type: "vec4f" | "vec4i", read: (sample: string) => string, batch: number): string {
  return `${type}(${[0, 1, 2, 3].map((s) => read(`min(4u * q + ${s}u, ${batch - 1}u)`)).join(", ")})`;
}

/**
 * For each sample and strip of classes: the largest logit, the sum of exp(logit - largest), the largest cosine and its class. The label's
 * logit is scale * phi. Bindings: table [classes, columns], inverse [classes], labels [batch] (i32), phi [batch], first [1] (i32), parts
 * [strips, batch, 4].
 */
export const classScanKernel = remembered(function (shape: ClassTableShape, scale: number): KernelSpec {
  const { batch, classes } = shape;
  const strips = scanStrips(classes);
  const wide = inFours(batch) / 4;
  const lanes = strips * wide;
  const { size, workgroups } = spread(lanes, 64);
  const four = [0, 1, 2, 3];
  const exact = classes % 4 === 0;
  return {
    name: `class scan ${batch} of ${classes}`,
    bindings: ["read", "read", "read", "read", "read", "write"],
    workgroups,
    wgsl: `
${tableBindings(shape)}
${storage(3, "phi", "f32", batch)}
${storage(5, "parts", "vec4f", strips * batch, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let q = lane % ${wide}u;
  let strip = lane / ${wide}u;
  let start = first[0];
  let own = ${ofSamples("vec4i", (sample) => `labels[${sample}]`, batch)} - vec4i(start);
  let margined = ${ofSamples("vec4f", (sample) => `phi[${sample}]`, batch)};
  var top = vec4f(${LOWEST});
  var sum = vec4f();
  var best = vec4f(${LOWEST});
  var bestClass = vec4f();
  let end = min(strip * ${STRIP}u + ${STRIP}u, ${classes}u);
  for (var class0 = strip * ${STRIP}u; class0 < end; class0 += 4u) {
    ${
      four.map((k) => `
    let c${k} = ${exact || k === 0 ? `class0 + ${k}u` : `min(class0 + ${k}u, ${classes - 1}u)`};
    let cosine${k} = table[c${k} * ${wide}u + q] * inverse[c${k}];
    let better${k} = cosine${k} > best;
    best = select(best, cosine${k}, better${k});
    bestClass = select(bestClass, vec4f(f32(i32(c${k}) + start)), better${k});
    let whole${k} = ${scale} * select(cosine${k}, margined, own == vec4i(i32(c${k})));
    let logit${k} = ${
        exact || k === 0 ? `whole${k}` : `select(vec4f(${LOWEST}), whole${k}, class0 + ${k}u < ${classes}u)`
      };`).join("")
    }
    let higher = max(max(max(logit0, logit1), max(logit2, logit3)), top);
    sum = sum * exp(top - higher) + ((exp(logit0 - higher) + exp(logit1 - higher)) + (exp(logit2 - higher) + exp(logit3 - higher)));
    top = higher;
  }
  ${
      four.map((s) =>
        `if (4u * q + ${s}u < ${batch}u) { parts[strip * ${batch}u + 4u * q + ${s}u] = vec4f(top[${s}], sum[${s}], best[${s}], bestClass[${s}]); }`
      ).join("\n  ")
    }
}`,
  };
});

/**
 * Gradient of the mean loss by each cosine of a range: (softmax - 1 at the label) * scale / batch, at the label times the slope of phi;
 * and divided by the length of the class weight, so that the weights themselves give the gradient of the embeddings' directions.
 * Bindings: table [classes, columns], inverse, labels, rows [4, batch] (phi, its slope, log-sum, upstream gradient), first [1] (i32),
 * gradient [batch, classes in fours], the rest zeros.
 */
export const classGradientKernel = remembered(
  function (shape: ClassTableShape, scale: number): KernelSpec {
    const { batch, classes } = shape;
    const wide = inFours(batch) / 4;
    const groups = inFours(classes) / 4;
    const lanes = groups * wide;
    const { size, workgroups } = spread(lanes, 64);
    const four = [0, 1, 2, 3];
    const row = (k: number) => ofSamples("vec4f", (sample) => `rows[${k * batch}u + ${sample}]`, batch);
    return {
      name: `class gradient ${batch} of ${classes}`,
      bindings: ["read", "read", "read", "read", "read", "write"],
      workgroups,
      wgsl: `
${tableBindings(shape)}
${storage(3, "rows", "f32", 4 * batch)}
${storage(5, "gradient", "vec4f", batch * groups, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let q = lane % ${wide}u;
  let group = lane / ${wide}u;
  let own = ${ofSamples("vec4i", (sample) => `labels[${sample}]`, batch)} - vec4i(first[0]);
  let phi = ${row(0)};
  let slope = ${row(1)};
  let logSum = ${row(2)};
  let factor = ${scale / batch} * ${row(3)};
  ${
        four.map((k) => `
  let c${k} = group * 4u + ${k}u;
  let at${k} = min(c${k}, ${classes - 1}u);
  let isOwn${k} = own == vec4i(i32(c${k}));
  let logit${k} = ${scale} * select(table[at${k} * ${wide}u + q] * inverse[at${k}], phi, isOwn${k});
  let share${k} = exp(min(logit${k} - logSum, vec4f()));
  let whole${k} = select(share${k}, (share${k} - 1.0) * slope, isOwn${k}) * factor * inverse[at${k}];
  let g${k} = select(vec4f(), whole${k}, c${k} < ${classes}u);`).join("")
      }
  ${
        four.map((s) =>
          `if (4u * q + ${s}u < ${batch}u) { gradient[(4u * q + ${s}u) * ${groups}u + group] = vec4f(g0[${s}], g1[${s}], g2[${s}], g3[${s}]); }`
        ).join("\n  ")
      }
}`,
    };
  },
);

/** A lane for each sample, or the lanes of a workgroup together. */
const sampleLanes = (batch: number, shared: boolean) => shared ? perGroup(batch) : spread(batch, 8);

/**
 * WGSL: of sample `i` its parts joined to one, as `all`: the largest logit, the sum of exponentials, the largest cosine and its class, the
 * first of equal ones. Of lanes that share them the first goes on.
 */
function joinedParts(batch: number, strips: number, shared: boolean): string {
  const { size, workgroups } = sampleLanes(batch, shared);
  const join = `
    let higher = max(all.x, part.x);
    all.y = all.y * exp(all.x - higher) + part.y * exp(part.x - higher);
    all.x = higher;
    if (part.z > all.z || (part.z == all.z && part.w < all.w)) { all.z = part.z; all.w = part.w; }`;
  return `
  let i = ${shared ? groupIndex(workgroups) : flatIndex(workgroups, size)};
  if (i >= ${batch}u) { return; }
  var all = vec4f(${LOWEST}, 0.0, ${LOWEST}, 0.0);
  for (var s = ${shared ? "local" : "0u"}; s < ${strips}u; s += ${shared ? size : 1}u) {
    let part = parts[s * ${batch}u + i];${join}
  }
  ${
    shared
      ? `ofLanes[local] = all;
  workgroupBarrier();
  if (local > 0u) { return; }
  for (var k = 1u; k < ${Math.min(size, strips)}u; k++) {
    let part = ofLanes[k];${join}
  }`
      : ""
  }`;
}

function joinKernel(
  { batch, strips, shared }: { batch: number; strips: number; shared: boolean },
  { name, inputs, output, store }: { name: string; inputs: string[]; output: string; store: string },
): KernelSpec {
  const { size, workgroups } = sampleLanes(batch, shared);
  return {
    name: `${name} ${batch} of ${strips}`,
    bindings: ["read", ...inputs.map(() => "read" as const), "write"],
    workgroups,
    wgsl: `
${storage(0, "parts", "vec4f", strips * batch)}
${inputs.join("\n")}
${output}
${shared ? `var<workgroup> ofLanes: array<vec4f, ${size}>;` : ""}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  ${joinedParts(batch, strips, shared)}
  ${store}
}`,
  };
}

/**
 * Joins the scan's parts: log of the sum of exponentials, and 1 where the largest cosine is the label's. With `shared` the lanes of a
 * workgroup join those of a sample, as GPUs want it. Bindings: parts [strips, batch, 4], labels [batch] (i32), result [2, batch].
 */
export const joinScanKernel = remembered(function (batch: number, strips: number, shared: boolean = false): KernelSpec {
  return joinKernel({ batch, strips, shared }, {
    name: "join scan",
    inputs: [storage(1, "labels", "i32", batch)],
    output: storage(2, "result", "f32", 2 * batch, "write"),
    store: `result[i] = all.x + log(all.y);
  result[${batch}u + i] = select(0.0, 1.0, i32(all.w) == labels[i]);`,
  });
});

/** Joins the scan's parts to one, to be joined with others'. Bindings: parts [strips, batch, 4], joined [1, batch, 4]. */
export const joinScanPartsKernel = remembered(
  function (batch: number, strips: number, shared: boolean = false): KernelSpec {
    return joinKernel({ batch, strips, shared }, {
      name: "join scan parts",
      inputs: [],
      output: storage(1, "joined", "vec4f", batch, "write"),
      store: "joined[i] = all;",
    });
  },
);
