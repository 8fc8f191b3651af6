import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, inTensors, spread, spreadOver, storage, vectorOf } from "./wgsl.ts";

/** What a loss scale holds: the scale, the steps in a row that were finite, and the steps that were skipped. */
export const LOSS_SCALE_VALUES = 3;

/** When a loss scale grows, and between what. */
export interface LossScaleLimits {
  /** Finite steps in a row after which it doubles. */
  readonly interval: number;
  /** The largest it gets. */
  readonly largest: number;
  /** The smallest. */
  readonly smallest: number;
}

/** x times the loss scale. Bindings: x, state, y. */
export const timesLossScaleKernel = remembered(function (size: number): KernelSpec {
  const { type, count } = vectorOf(size);
  const { size: group, workgroups } = spread(count, 64);
  return {
    name: `times loss scale ${size}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "x", type, count)}
${storage(1, "state", "f32", LOSS_SCALE_VALUES)}
${storage(2, "y", type, count, "write")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, group)};
  if (i < ${count}u) { y[i] = x[i] * state[0]; }
}`,
  };
});

/**
 * Divides gradients by the loss scale in place, and says whether one is not finite. Sizes are multiples of four, all or none.
 * Bindings: state, found (u32, becomes 1), each gradient.
 */
export const unscaleKernel = remembered(function (sizes: readonly number[]): KernelSpec {
  const { type, size: group, workgroups } = spreadOver("unscale", sizes);
  const all = sizes.map((_, k) => k);
  // By its bits: compilers may take it that numbers are finite.
  const word = type === "vec4f" ? "vec4u" : "u32";
  const exponent = `${word}(0x7f800000u)`;
  const same = `(bitcast<${word}>(g) & ${exponent}) == ${exponent}`;
  const test = type === "vec4f" ? `any(${same})` : same;
  return {
    name: `unscale ${sizes.length === 1 ? sizes[0] : `${sizes.length} gradients`}`,
    bindings: ["read", "write", ...all.map(() => "write" as const)],
    workgroups,
    wgsl: `
${storage(0, "state", "f32", LOSS_SCALE_VALUES)}
@group(0) @binding(1) var<storage, read_write> found: atomic<u32>;
${all.map((k) => storage(2 + k, `gradient${k}`, type, undefined, "write")).join("\n")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  var i = ${flatIndex(workgroups, group)};
  let inverse = 1.0 / state[0];
  ${
      inTensors(all.map((k) => `gradient${k}`), (k) => `
    let g = gradient${k}[i] * inverse;
    gradient${k}[i] = g;
    if (${test}) { atomicOr(&found, 1u); }`)
    }
}`,
  };
});

/**
 * Ends a step: the scale halves where a gradient was not finite, and doubles after enough steps in which all were. Bindings: found
 * (u32, becomes 0), state, skip (1 where the step is not to be taken, else 0).
 */
export const settleLossScaleKernel = remembered(
  function ({ interval, largest, smallest }: LossScaleLimits): KernelSpec {
    return {
      name: "settle loss scale",
      bindings: ["write", "write", "write"],
      workgroups: [1, 1, 1],
      wgsl: `
${storage(0, "found", "u32", 1, "write")}
${storage(1, "state", "f32", LOSS_SCALE_VALUES, "write")}
${storage(2, "skip", "f32", 1, "write")}
@compute @workgroup_size(1)
fn main() {
  let bad = found[0] != 0u;
  found[0] = 0u;
  skip[0] = select(0.0, 1.0, bad);
  if (bad) {
    state[0] = max(state[0] * 0.5, f32(${smallest}));
    state[1] = 0.0;
    state[2] += 1.0;
  } else if (state[1] + 1.0 >= f32(${interval})) {
    state[0] = min(state[0] * 2.0, f32(${largest}));
    state[1] = 0.0;
  } else {
    state[1] += 1.0;
  }
}`,
    };
  },
);
