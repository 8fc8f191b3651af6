import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { LossScale } from "../../lib/train/loss_scale.ts";

const gpu = await startWebGPU();

/** Ends a step with these gradients: whether it is skipped. */
async function end(scale: LossScale, ...gradients: number[][]): Promise<{ skip: number; gradients: number[][] }> {
  const tensors = gradients.map((values) => tf.tensor1d(values));
  scale.unscale(tensors);
  const skip = scale.settle();
  const found = await gpu.kernels.readAll([skip, ...tensors]);
  tf.dispose([skip, tensors]);
  return { skip: found[0][0], gradients: found.slice(1).map((values) => [...values]) };
}

Deno.test("unscale() divides gradients of every size by the scale", async () => {
  const scale = new LossScale(gpu, { initial: 8 });
  const sizes = [4, 8, 4, 12, 4, 4, 8, 4, 3, 1, 5];
  const given = sizes.map((size, k) => Array.from({ length: size }, (_, i) => 8 * (k + i)));
  const { skip, gradients } = await end(scale, ...given);
  assert.equal(skip, 0);
  assert.deepEqual(gradients, given.map((values) => values.map((value) => value / 8)));
  scale.dispose();
});

Deno.test("a step with a gradient that is not finite is skipped and halves the scale; enough finite ones double it", async () => {
  const scale = new LossScale(gpu, { initial: 1024, interval: 3, largest: 2048 });
  const fine = [1, 2, 3, 4];
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const where of [[1, bad, 3], [1, 2, 3, bad]]) {
      const before = await scale.read();
      assert.equal((await end(scale, fine, where)).skip, 1, `${where}`);
      const after = await scale.read();
      assert.deepEqual(after, { scale: before.scale / 2, steps: 0, skipped: before.skipped + 1 });
    }
  }
  assert.equal((await scale.read()).scale, 16);
  for (const [i, expected] of [16, 16, 32, 32, 32, 64].entries()) {
    assert.equal((await end(scale, fine)).skip, 0);
    assert.deepEqual(await scale.read(), { scale: expected, steps: (i + 1) % 3, skipped: 6 });
  }
  scale.load({ scale: 2048, steps: 2, skipped: 9 });
  await end(scale, fine);
  assert.deepEqual(await scale.read(), { scale: 2048, steps: 0, skipped: 9 });
  scale.dispose();
});

Deno.test("lift() leaves embeddings as they are and multiplies their gradient", async () => {
  const scale = new LossScale(gpu, { initial: 32 });
  const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
  const { value, grads } = tf.engine().gradients(() => scale.lift(x).square().sum().asScalar(), [x]);
  assert.equal((await gpu.kernels.read(value))[0], 91);
  assert.deepEqual([...await gpu.kernels.read(grads[0])], [1, 2, 3, 4, 5, 6].map((v) => 64 * v));
  tf.dispose([x, value, grads]);
  scale.dispose();
});
