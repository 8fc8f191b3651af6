import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { sgdKernel } from "../../lib/gpu/kernels/sgd.ts";
import { sumPartsKernel } from "../../lib/gpu/kernels/sum_parts.ts";
import { batchNorm } from "../../lib/gpu/ops/batch_norm.ts";
import { conv2d } from "../../lib/gpu/ops/conv2d.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { doubling } from "./doubling_kernel.ts";

Deno.test("run() records among tfjs's own kernels, in order", async () => {
  const { kernels } = await startWebGPU();
  const made = tf.tidy(() => {
    const x = tf.tensor1d([1, 2, 3]).add(1); // tfjs, then ours, then tfjs
    const [y] = kernels.run(doubling, [x], [{ shape: [3] }]);
    return y.add(0.5);
  });
  assert.deepEqual([...await kernels.read(made)], [4.5, 6.5, 8.5]);
  made.dispose();
});

Deno.test("run() gives tensors that are changed in place back as they are, and read() sees the change", async () => {
  const { kernels } = await startWebGPU();
  const [hyper, gradient, velocity, parameter] = [[1, 0, 0, 1, 0], [1, 2], [0, 0], [5, 5]].map((x) => tf.tensor1d(x));
  assert.deepEqual([...await kernels.read(parameter)], [5, 5]);
  const outputs = kernels.run(sgdKernel([2]), [hyper, gradient], [velocity, parameter]);
  assert.ok(outputs[0] === velocity && outputs[1] === parameter);
  assert.deepEqual([...await kernels.read(parameter)], [4, 3]);
  tf.dispose([hyper, gradient, velocity, parameter]);
});

Deno.test("write() replaces values after what was recorded before", async () => {
  const { kernels } = await startWebGPU();
  const x = tf.tensor1d([1, 2, 3]);
  const [y] = kernels.run(doubling, [x], [{ shape: [3] }]);
  kernels.write(x, Float32Array.of(7, 8, 9));
  assert.deepEqual([...await kernels.read(y)], [2, 4, 6]);
  assert.deepEqual([...await kernels.read(x)], [7, 8, 9]);
  assert.throws(() => kernels.write(x, new Float32Array(4)), /expected 3 values, got 4/);
  tf.dispose([x, y]);
});

Deno.test("run() refuses another number of buffers than the kernel has", async () => {
  const { kernels } = await startWebGPU();
  const x = tf.tensor1d([1, 2, 3]);
  assert.throws(() => kernels.run(doubling, [x, x], [{ shape: [3] }]), /double: expected 2 buffers, got 3/);
  x.dispose();
});

Deno.test("kernels of the same text share one pipeline", async () => {
  const { kernels } = await startWebGPU();
  const sum = (parts: number) =>
    tf.tidy(() => kernels.run(sumPartsKernel(1, parts, 4), [tf.ones([parts * 4])], [{ shape: [4] }])[0]).dispose();
  sum(3);
  const before = kernels.pipelines;
  sum(3);
  assert.equal(kernels.pipelines, before);
  sum(5);
  assert.equal(kernels.pipelines, before + 1);
});

Deno.test("two hundred steps keep neither tensors nor GPU memory", async () => {
  const gpu = await startWebGPU();
  const filter = tf.keep(tf.randomNormal([3, 3, 4, 4], 0, 0.1, "float32", 1)) as tf.Tensor4D;
  const velocity = tf.keep(tf.zeros(filter.shape));
  const layer = tf.tidy(() => ({
    weight: tf.keep(tf.ones([4])),
    bias: tf.keep(tf.zeros([4])),
    runningMean: tf.keep(tf.zeros([4])),
    runningVariance: tf.keep(tf.ones([4])),
  }));
  const step = () =>
    tf.tidy(() => {
      const x = tf.ones([2, 6, 6, 4]) as tf.Tensor4D;
      const { value, grads } = tf.engine().gradients(
        () => batchNorm(gpu, conv2d(gpu, x, filter, { pad: 1, stride: 2 }), layer, { training: true }).square().mean(),
        [filter, layer.weight],
      );
      const hyper = tf.tensor1d([0.01, 0.9, 5e-4, 1]);
      gpu.kernels.run(sgdKernel([filter.size]), [hyper, grads[0]], [velocity, filter]);
      return value as tf.Scalar;
    });
  const memory = () => {
    const { numTensors, numDataBuffers, numBytesInGPU } = tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
    return { numTensors, numDataBuffers, numBytesInGPU };
  };
  const allocated = () =>
    (tf.memory() as unknown as { numBytesAllocatedInGPU: number })
      .numBytesAllocatedInGPU;
  const run = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const loss = step();
      // A value is read back now and then, as a run does.
      if (i % 20 === 0) assert.ok(Number.isFinite((await gpu.kernels.read(loss))[0]));
      loss.dispose();
    }
  };
  await run(40);
  const before = memory();
  const most = allocated();
  await run(200);
  assert.deepEqual(memory(), before);
  assert.ok(allocated() <= 2 * most, `${most} bytes grew to ${allocated()}`);
  gpu.kernels.check();
  tf.dispose([filter, velocity, Object.values(layer)]);
});

// The last of this file: the device keeps what it reported.
Deno.test("zeros() are zeros, whatever the buffer held", async () => {
  const { kernels } = await startWebGPU();
  const used = tf.fill([1000], 7);
  assert.equal((await kernels.read(used))[999], 7);
  used.dispose();
  const zeros = kernels.zeros([1000]);
  assert.ok((await kernels.read(zeros)).every((value) => value === 0));
  zeros.dispose();
});

Deno.test("check() throws what the device reported", async () => {
  const { kernels } = await startWebGPU();
  kernels.check();
  const x = tf.tensor1d([1, 2, 3]);
  const broken = { ...doubling, name: "broken", wgsl: doubling.wgsl.replace("2.0 * x[i]", "2.0 * missing[i]") };
  const failed = async () => {
    const [y] = kernels.run(broken, [x], [{ shape: [3] }]);
    await kernels.read(y);
  };
  await assert.rejects(failed, /missing/);
  assert.throws(() => kernels.check(), /The GPU reported an error: .*missing/s);
});
