import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { doubling } from "./doubling_kernel.ts";

const { kernels } = await startWebGPU();

type Info = tf.MemoryInfo & { numBytesInGPU: number };

Deno.test("a replay does kernels, tfjs's operations, copies, clears and constants again, on what tensors hold now", async () => {
  const [x, sum] = [tf.tensor1d([1, 2, 3]), kernels.zeros([3])];
  await kernels.readAll([x, sum]);
  let result: tf.Tensor;
  const recording = kernels.record(() =>
    result = tf.tidy(() => {
      const [y] = kernels.run(doubling, [x], [{ shape: [3] }]);
      const zeros = kernels.zeros([3]);
      kernels.assign(sum, sum.add(y)); // in place: sum += 2 x
      return sum.mul(y).add(tf.tensor1d([0.5, 1.5, 2.5])).add(zeros).sub(tf.scalar(1));
    })
  );
  assert.deepEqual([...await kernels.read(result!)], [3.5, 16.5, 37.5]);
  recording.keep();
  kernels.write(x, Float32Array.of(10, 20, 30));
  kernels.replay(recording);
  // sum is 2 + 20, 4 + 40, 6 + 60.
  assert.deepEqual([...await kernels.read(sum)], [22, 44, 66]);
  assert.deepEqual([...await kernels.read(result!)], [439.5, 1760.5, 3961.5]);
  const copy = kernels.copy(result!);
  kernels.replay(recording);
  assert.deepEqual([...await kernels.read(copy)], [439.5, 1760.5, 3961.5]);
  assert.deepEqual([...await kernels.read(sum)], [42, 84, 126]);
  recording.dispose();
  tf.dispose([x, sum, result!, copy]);
});

Deno.test("a recording's buffers are nobody else's until it is disposed of, and then the pool's again", async () => {
  const x = tf.tensor1d([1, 2, 3]);
  await kernels.read(x);
  const work = () =>
    tf.tidy(() => kernels.run(doubling, kernels.run(doubling, [x], [{ shape: [3] }]), [{ shape: [3] }])[0]);
  const before = (tf.memory() as Info).numBytesInGPU;
  let result: tf.Tensor;
  const recording = kernels.record(() => result = work());
  recording.keep();
  assert.ok((tf.memory() as Info).numBytesInGPU > before + 12, "the intermediate tensor's buffer is kept");
  // Would take that buffer.
  const others = [5, 6, 7].map((value) => tf.tidy(() => x.mul(value)));
  kernels.replay(recording);
  assert.deepEqual([...await kernels.read(result!)], [4, 8, 12]);
  for (const [i, other] of others.entries()) {
    assert.deepEqual([...await kernels.read(other)], [1, 2, 3].map((value) => value * (5 + i)));
  }
  recording.dispose();
  tf.dispose([result!, others]);
  assert.equal((tf.memory() as Info).numBytesInGPU, before);
  x.dispose();
});

Deno.test("signatures are alike for the same work only", async () => {
  const [x, y] = [tf.tensor1d([1, 2, 3]), tf.tensor1d([4, 5, 6])];
  await kernels.readAll([x, y]);
  const signature = (work: () => tf.Tensor) => {
    const recording = kernels.record(() => void tf.tidy(work).dispose());
    recording.dispose();
    return recording.signature;
  };
  const plain = signature(() => x.add(1));
  assert.equal(signature(() => x.add(1)), plain);
  for (
    const [difference, work] of [
      ["a constant", () => x.add(2)],
      ["a tensor", () => y.add(1)],
      ["an operation", () => x.sub(1)],
      ["one more", () => x.add(1).add(1)],
      ["a uniform value", () => x.slice([1], [2])],
      ["another uniform value", () => x.slice([0], [2])],
    ] as const
  ) {
    assert.notEqual(signature(work), plain, difference);
  }
  assert.notEqual(signature(() => x.slice([1], [2])), signature(() => x.slice([0], [2])));
  tf.dispose([x, y]);
});

Deno.test("what cannot be replayed is refused, and an error in the work ends the recording", async () => {
  const x = tf.tensor1d([1, 2, 3]);
  await kernels.read(x);
  assert.throws(() => kernels.record(() => kernels.write(x, new Float32Array(3))), /not while commands are recorded/);
  assert.throws(() => kernels.record(() => void kernels.record(() => {})), /a recording is going on/);
  const recording = kernels.record(() => tf.dispose(kernels.run(doubling, [x], [{ shape: [3] }])));
  assert.equal(recording.length > 0, true);
  assert.throws(() => kernels.replay(recording), /is not kept/);
  recording.dispose();
  x.dispose();
});
