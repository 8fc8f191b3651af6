import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import type { WebGPUBackend } from "../../lib/deps/tfjs_webgpu.ts";
import { KernelRunner } from "../../lib/gpu/kernel_runner.ts";
import { sgdKernel } from "../../lib/gpu/kernels/sgd.ts";
import { sumPartsKernel } from "../../lib/gpu/kernels/sum_parts.ts";
import { transposeKernel } from "../../lib/gpu/kernels/transpose.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { TextureCopies, textureHeight } from "../../lib/gpu/texture_copies.ts";

/** A runner on the device of all, that reads through textures or does not. */
async function runner(textures: boolean): Promise<KernelRunner> {
  const { device } = await startWebGPU();
  return new KernelRunner(device, tf.backend() as unknown as WebGPUBackend, textures);
}

Deno.test("textureHeight() holds the rows, is no power of two, and wastes little", () => {
  for (let rows = 1; rows <= 16384; rows++) {
    const height = textureHeight(rows);
    assert.ok(height >= rows && (rows < 3 || height <= 1.5 * rows), `${height} for ${rows}`);
    assert.notEqual(Math.log2(height) % 1, 0, `${height} for ${rows}`);
  }
});

for (const textures of [true, false]) {
  const how = textures ? "textures" : "buffers";

  Deno.test(`kernels read every value through ${how}, in whole rows of a texture and beyond`, async () => {
    const kernels = await runner(textures);
    for (const size of [1, 7, 4096, 4097, 3 * 4096 + 5, 16384, 4 * 4096 * 5 + 12]) {
      const values = Float32Array.from({ length: 2 * size }, (_, i) => i % 8191 - 4000);
      const parts = tf.tensor1d(values);
      const [sums] = kernels.run(sumPartsKernel(1, 2, size), [parts], [{ shape: [size] }]);
      const expected = Float32Array.from({ length: size }, (_, i) => values[i] + values[size + i]);
      assert.deepEqual(await kernels.read(sums), expected, `${size} values`);
      tf.dispose([parts, sums]);
    }
  });

  Deno.test(`what was changed in place is read as it is now, by any type, through ${how}`, async () => {
    const kernels = await runner(textures);
    const [hyper, gradient, velocity, parameter] = [[1, 0, 0, 1, 0], [1, 2, 3, 4], [0, 0, 0, 0], [5, 5, 5, 5]].map((
      x,
    ) => tf.tensor1d(x));
    const sum = async () => {
      const [sums] = kernels.run(sumPartsKernel(1, 1, 4), [parameter], [{ shape: [4] }]);
      const [turned] = kernels.run(transposeKernel(1, 2, 2), [parameter], [{ shape: [4] }]);
      const values = await kernels.readAll([sums, turned]);
      tf.dispose([sums, turned]);
      return values.map((part) => [...part]);
    };
    assert.deepEqual(await sum(), [[5, 5, 5, 5], [5, 5, 5, 5]]);
    kernels.run(sgdKernel([4]), [hyper, gradient], [velocity, parameter]);
    assert.deepEqual(await sum(), [[4, 3, 2, 1], [4, 2, 3, 1]]);
    kernels.write(parameter, Float32Array.of(1, 2, 3, 4));
    assert.deepEqual(await sum(), [[1, 2, 3, 4], [1, 3, 2, 4]]);
    tf.dispose([hyper, gradient, velocity, parameter]);
  });

  Deno.test(`a range of a tensor is read from its first value, through ${how}`, async () => {
    const kernels = await runner(textures);
    const table = tf.range(0, 256);
    for (const first of [0, 64, 128]) {
      const range = { tensor: table, first, size: 128 };
      const [sums] = kernels.run(sumPartsKernel(1, 2, 64), [range], [{ shape: [64] }]);
      assert.deepEqual([...(await kernels.read(sums)).subarray(0, 2)], [2 * first + 64, 2 * first + 66]);
      sums.dispose();
    }
    table.dispose();
  });
}

Deno.test("more and larger tensors than copies are kept of are read all the same", async () => {
  const kernels = await runner(true);
  const size = 2 ** 22;
  for (let round = 0; round < 24; round++) {
    const parts = tf.fill([2 * size], round);
    const [sums] = kernels.run(sumPartsKernel(1, 2, size), [parts], [{ shape: [size] }]);
    const last = sums.slice(size - 1, 1);
    assert.deepEqual([...await kernels.read(last)], [2 * round]);
    tf.dispose([parts, sums, last]);
  }
});

Deno.test("textures that make room wait for a submit, and it is asked for before they pile up", () => {
  let destroyed = 0;
  const device = { createTexture: () => ({ createView: () => ({}), destroy: () => destroyed++ }) };
  const copies = new TextureCopies(device as unknown as GPUDevice, () => true);
  const encoder = { copyBufferToTexture: () => {} } as unknown as GPUCommandEncoder;
  const copy = (megabytes: number) => {
    copies.nextKernel();
    const source = { buffer: {} as GPUBuffer, offset: 0, size: megabytes * 2 ** 20, owner: {}, part: false };
    copies.of(source, { format: "rgba32float", bytes: 16 }, () => encoder);
  };
  // Each of another height, so that none takes the place of another.
  for (const megabytes of [200, 250, 100]) copy(megabytes);
  assert.equal(destroyed, 0);
  assert.ok(copies.leaves);
  copies.submitted();
  assert.equal(destroyed, 2);
  assert.ok(!copies.leaves);
});

Deno.test("over the first bound a copy takes the place of its kind alone, over the second others go", () => {
  let [made, destroyed] = [0, 0];
  const createTexture = () => {
    made++;
    return { createView: () => ({}), destroy: () => destroyed++ };
  };
  const copies = new TextureCopies({ createTexture } as unknown as GPUDevice, () => true, {
    most: 2 ** 28,
    ceiling: 2 ** 30,
  });
  const encoder = { copyBufferToTexture: () => {} } as unknown as GPUCommandEncoder;
  const copy = (megabytes: number) => {
    copies.nextKernel();
    const source = { buffer: {} as GPUBuffer, offset: 0, size: megabytes * 2 ** 20, owner: {}, part: false };
    copies.of(source, { format: "rgba32float", bytes: 16 }, () => encoder);
  };
  for (const megabytes of [200, 100, 300]) copy(megabytes);
  assert.deepEqual([made, destroyed, copies.haveLeft], [3, 0, false]);
  for (const megabytes of [300, 100, 200]) copy(megabytes);
  assert.deepEqual([made, destroyed, copies.haveLeft], [3, 0, false]);
  copy(700);
  assert.ok(copies.haveLeft);
});
