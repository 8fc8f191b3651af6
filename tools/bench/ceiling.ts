import { flatIndex, spread as lanesOver, storage } from "../../lib/gpu/kernels/wgsl.ts";
import type { KernelSpec } from "../../lib/gpu/kernel_spec.ts";
import { noise } from "../../lib/gpu/ops/noise.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { kernelMilliseconds } from "./kernel_time.ts";
import { spread } from "./measurement.ts";

/** What an adapter does at best, by kernels that do nothing else. */
export interface Ceilings {
  /** Multiply-adds of vectors, each counted as two operations: GFLOP/s. */
  readonly gflops: number;
  /** Milliseconds of the kernel it was measured with. */
  readonly arithmeticMs: number;
  /** Bytes read and bytes written: GB/s. */
  readonly gbPerSecond: number;
  /** Milliseconds of the kernel it was measured with. */
  readonly copyMs: number;
}

/** Independent chains of a lane: more than the latency of a multiply-add hides. */
const CHAINS = 8;

/** Multiply-adds of a chain in one turn of the loop, and turns. */
const UNROLLED = 8;
const TURNS = 64;

/** Timed runs; the best counts, as whatever disturbs only makes a run slower. */
const RUNS = 5;

/** Measures an adapter's ceilings. */
export async function measureCeilings(gpu: Gpu): Promise<Ceilings> {
  const lanes = gpu.adapter.software ? 2 ** 14 : 2 ** 20;
  const [arithmetic, flops] = arithmeticKernel(lanes);
  const arithmeticMs = await best(() =>
    kernelMilliseconds(gpu, () => gpu.kernels.run(arithmetic, [], [{ shape: [4 * lanes] }]))
  );
  const vectors = Math.floor(
    Math.min(gpu.adapter.software ? 2 ** 24 : 2 ** 28, gpu.device.limits.maxStorageBufferBindingSize) / 16,
  );
  const source = noise(gpu, [4 * vectors], 1, 1);
  gpu.kernels.buffer(source);
  try {
    // From a buffer, and as kernels read on this adapter, perhaps through textures: whichever is faster.
    const plain = await best(() =>
      kernelMilliseconds(gpu, () => gpu.kernels.run(copyKernel(vectors, "write"), [source], [{ shape: [4 * vectors] }]))
    );
    const read = await best(() =>
      kernelMilliseconds(gpu, () => gpu.kernels.run(copyKernel(vectors, "read"), [source], [{ shape: [4 * vectors] }]))
    );
    const copyMs = Math.min(plain, read);
    return { gflops: flops / arithmeticMs / 1e6, arithmeticMs, gbPerSecond: 32 * vectors / copyMs / 1e6, copyMs };
  } finally {
    source.dispose();
  }
}

async function best(run: () => Promise<number>): Promise<number> {
  await run();
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) times.push(await run());
  return spread(times).min;
}

/** Chains of vec4 multiply-adds, and their operations in all. */
function arithmeticKernel(lanes: number): [KernelSpec, number] {
  const { size, workgroups } = lanesOver(lanes, 64);
  const each = (line: (i: number) => string) => Array.from({ length: CHAINS }, (_, i) => line(i)).join("\n  ");
  const spec: KernelSpec = {
    name: "arithmetic",
    bindings: ["write"],
    workgroups,
    wgsl: `
${storage(0, "output", "vec4f", lanes, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let scale = vec4f(0.9 + f32(lane % 7u) * 0.01);
  let shift = vec4f(0.1 + f32(lane % 5u) * 0.01);
  ${each((i) => `var c${i} = vec4f(${i}.5);`)}
  for (var turn = 0u; turn < ${TURNS}u; turn++) {
  ${Array.from({ length: UNROLLED }, () => each((i) => `c${i} = c${i} * scale + shift;`)).join("\n  ")}
  }
  output[lane] = ${Array.from({ length: CHAINS }, (_, i) => `c${i}`).join(" + ")};
}`,
  };
  return [spec, lanes * TURNS * UNROLLED * CHAINS * 8];
}

/** A buffer's vectors to another; a source that could be written to is read as a buffer on every adapter. */
function copyKernel(vectors: number, use: "read" | "write"): KernelSpec {
  const { size, workgroups } = lanesOver(vectors, 64);
  return {
    name: "copy",
    bindings: [use, "write"],
    workgroups,
    wgsl: `
${storage(0, "source", "vec4f", vectors, use)}
${storage(1, "target_", "vec4f", vectors, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane < ${vectors}u) { target_[lane] = source[lane]; }
}`,
  };
}
