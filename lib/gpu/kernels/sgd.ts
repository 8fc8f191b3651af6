import type { KernelSpec } from "../kernel_spec.ts";
import { flatIndex, spread, storage, vectorOf } from "./wgsl.ts";

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
