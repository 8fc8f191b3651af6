import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, inTensors, spreadOver, storage } from "./wgsl.ts";

/**
 * SGD with momentum in place, for several parameters at once: v = momentum v + (scale g + decay p), p = p - rate v; nothing where skip is not 0.
 * Sizes are multiples of four, all or none.
 * Bindings: hyper [rate, momentum, decay, scale, skip], a gradient for each, a velocity for each, each parameter.
 */
export const sgdKernel = remembered(function (sizes: readonly number[]): KernelSpec {
  const { type, size: group, workgroups } = spreadOver("sgd", sizes);
  const all = sizes.map((_, k) => k);
  const many = sizes.length;
  return {
    name: many === 1 ? `sgd ${sizes[0]}` : `sgd of ${many} parameters`,
    bindings: [
      "read",
      ...all.map(() => "read" as const),
      ...all.map(() => "write" as const),
      ...all.map(() => "write" as const),
    ],
    workgroups,
    wgsl: `
${storage(0, "hyper", "f32", 5)}
${all.map((k) => storage(1 + k, `gradient${k}`, type)).join("\n")}
${all.map((k) => storage(1 + many + k, `velocity${k}`, type, undefined, "write")).join("\n")}
${all.map((k) => storage(1 + 2 * many + k, `parameter${k}`, type, undefined, "write")).join("\n")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  var i = ${flatIndex(workgroups, group)};
  if (hyper[4] != 0.0) { return; }
  let rate = hyper[0];
  let momentum = hyper[1];
  let decay = hyper[2];
  let scale = hyper[3];
  ${
      inTensors(all.map((k) => `parameter${k}`), (k) => `
    let p = parameter${k}[i];
    let v = momentum * velocity${k}[i] + (scale * gradient${k}[i] + decay * p);
    velocity${k}[i] = v;
    parameter${k}[i] = p - rate * v;`)
    }
}`,
  };
});
