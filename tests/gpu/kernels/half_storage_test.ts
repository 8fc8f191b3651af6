import assert from "node:assert/strict";
import * as tf from "../../../lib/deps/tfjs.ts";
import type { KernelSpec } from "../../../lib/gpu/kernel_spec.ts";
import { halfStorage } from "../../../lib/gpu/kernels/half_storage.ts";
import { toFloat, toHalf } from "../../../lib/gpu/ops/half.ts";
import { startWebGPU } from "../../../lib/gpu/start_webgpu.ts";
import { float32ToHalf, halfToFloat32 } from "../../../lib/model/half.ts";

const spec = (wgsl: string): KernelSpec => ({ name: "k", bindings: ["read", "write"], workgroups: [1, 1, 1], wgsl });

const X = "@group(0) @binding(0) var<storage, read> x: array<f32, 7>;";
const Y = "@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;";

Deno.test("halfStorage() converts reads, inner ones too, and writes; other buffers stay as they are", () => {
  const { wgsl } = halfStorage(spec(`${X}\n${Y}\nfn main() { y[u32(x[3])] = vec4f(x[u32(x[1])]); }`), [0, 1]);
  assert.ok(wgsl.includes("x: array<u32, 4>;") && wgsl.includes("y: array<vec2u>;"));
  assert.ok(wgsl.includes("y[u32(half_x(u32(3)))] = toHalf(vec4f(half_x(u32(u32(half_x(u32(1)))))));"), wgsl);
  const read = halfStorage(spec(`${X}\n${Y}\nfn main() { y[0] += vec4f(x[1]); }`), [0]).wgsl;
  assert.ok(read.includes(Y) && read.includes("y[0] += vec4f(half_x(u32(1)));"));
});

Deno.test("halfStorage() refuses what it cannot do rightly", () => {
  const written = Y.replace("vec4f", "f32");
  assert.throws(() => halfStorage(spec(`${X}\n${written}`), [1]), /k: cannot write single halves to y/);
  assert.throws(() => halfStorage(spec(`${X}\n${Y}\nfn main() { y[0] += vec4f(); }`), [1]), /reads y, which is only/);
  assert.throws(() => halfStorage(spec(`${X}\n${Y}\nfn main() { let a = y[0]; }`), [1]), /reads y, which is only/);
  assert.throws(() => halfStorage(spec(`${X}\n${Y}`), [2]), /binding 2 cannot hold halves/);
});

Deno.test("a tensor in half precision holds what IEEE says, saturates, and keeps what is not a number", async () => {
  const gpu = await startWebGPU();
  const values = Float32Array.of(0, -1, 1 / 3, 65504, 1e6, -Infinity, 2 ** -14, 6e-8, 1000.3, NaN, 3, 4);
  const x = tf.tensor1d(values);
  const half = toHalf(gpu, x);
  const wide = toFloat(gpu, half);
  const found = await gpu.kernels.read(wide);
  const expected = halfToFloat32(float32ToHalf(values.map((v) => Math.max(-65504, Math.min(65504, v)))));
  found.forEach((value, i) => {
    if (i >= 8) return; // below: the word that holds a NaN holds two
    // A conversion may round either way.
    const step = Math.max(Math.abs(expected[i]) * 2 ** -10, 2 ** -24);
    assert.ok(Math.abs(value - values[i]) <= step || value === expected[i], `${values[i]} became ${value}`);
  });
  assert.ok(Number.isNaN(found[9]));
  await assert.rejects(gpu.kernels.read(half), /in half precision/);
  tf.dispose([x, half, wide]);
});

Deno.test("a tensor in half precision takes half the bytes, and its buffer serves again", async () => {
  const gpu = await startWebGPU();
  const bytes = () => (tf.memory() as tf.MemoryInfo & { numBytesInGPU: number }).numBytesInGPU;
  const x = tf.zeros([1024]);
  gpu.kernels.buffer(x);
  const before = bytes();
  const half = gpu.kernels.empty([1024], true);
  assert.ok(bytes() - before <= 2048);
  assert.equal(gpu.kernels.buffer(half).size, 2048);
  half.dispose();
  const settled = bytes();
  for (let i = 0; i < 10; i++) toHalf(gpu, x).dispose();
  assert.equal(bytes(), settled);
  x.dispose();
});
