import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { soloGroup } from "../../lib/dist/solo_group.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createHead, HEADS } from "../../lib/head/create_head.ts";
import { type Backbone, createBackbone } from "../../lib/nn/backbone.ts";
import { batchNormLayer, convLayer, preluSlope } from "../../lib/nn/layers.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { normal } from "../../lib/nn/random.ts";
import { checkpointTensors } from "../../lib/train/checkpoint.ts";
import { type TrainingPart, uploadPart } from "../../lib/train/training_part.ts";
import { TrainingStep } from "../../lib/train/training_step.ts";

const gpu = await startWebGPU();
const SIZE = 16, CLASSES = 70;

/** Images of random values, a batch of them or fewer. */
function partOf(seed: number, labels: number[]): TrainingPart {
  const shape: [number, number, number, number] = [labels.length, SIZE, SIZE, 4];
  return {
    size: labels.length,
    inputs: [
      tf.tidy(() => tf.randomUniform(shape, -1, 1, "float32", seed).dataSync() as Float32Array),
      Int32Array.from(labels),
    ],
    unpack: ([images, labels]) => ({ images: images.reshape(shape), labels: labels.clone() }),
  };
}

/** A step on a tiny network, the same every time; class weights are two tensors, of 64 and 6 rows. */
function tiny(head: string, clipGradNorm = 0) {
  const backbone = createBackbone(gpu, "iresnet18", {
    width: 0.0625,
    imageSize: SIZE,
    embeddingSize: 8,
    seed: 3,
  });
  const classifier = createHead(gpu, head, { classes: CLASSES, embeddingSize: 8, scale: 16, partRows: 64, seed: 4 });
  const step = new TrainingStep(gpu, backbone, classifier, { momentum: 0.9, weightDecay: 5e-4, clipGradNorm });
  const part = partOf(5, [3, 65, 65, 69]);
  const state = () => checkpointTensors({ backbone, head: classifier, sgd: step.sgd }, soloGroup());
  const dispose = () => [step, backbone, classifier].forEach((one) => one.dispose());
  return { step, part, state, dispose };
}

for (const head of HEADS) {
  Deno.test(`${head}: class weights updated in the backward pass are those updated along their gradient`, async () => {
    const [inPlace, along] = [tiny(head), tiny(head)];
    for (let i = 0; i < 3; i++) {
      inPlace.step.run([inPlace.part], 0.1);
      const { images, labels } = uploadPart(along.part);
      const result = along.step.gradients(images, labels);
      const one = tf.scalar(1);
      along.step.sgd.setRate(0.1);
      along.step.sgd.step(result.gradients, one);
      tf.dispose([images, labels, one, result.loss, result.metrics, result.embeddings]);
      tf.dispose(result.gradients.flatMap((parts) => parts!));
    }
    const expected = await along.state();
    for (const [name, { data }] of await inPlace.state()) {
      const reference = expected.get(name)!.data;
      const most = Math.max(...reference.map(Math.abs), 1e-6);
      data.forEach((value, i) =>
        assert.ok(Math.abs(value - reference[i]) <= 2e-6 * most, `${name}[${i}]: ${value}, ${reference[i]}`)
      );
    }
    assert.deepEqual(expected.get("head.weight")!.shape, [CLASSES, 8]);
    assert.ok(expected.get("velocity.head.weight")!.data.some((value) => value !== 0));
    inPlace.dispose();
    along.dispose();
  });
}

Deno.test("a bound no gradient reaches changes next to nothing; a low one shortens the step", async () => {
  const [clipped, bounded, plain] = [tiny("arcface", 1e-3), tiny("arcface", 1e9), tiny("arcface")];
  const before = (await plain.state()).get("head.weight")!.data;
  for (const { step, part } of [clipped, bounded, plain]) step.run([part], 0.1);
  const [low, high, after] = await Promise.all(
    [clipped, bounded, plain].map(async ({ state }) => (await state()).get("head.weight")!.data),
  );
  const moved = (weights: Float32Array) => Math.hypot(...weights.map((w, i) => w - before[i]));
  assert.ok(Math.hypot(...high.map((w, i) => w - after[i])) < 1e-5 * moved(after));
  // The gradient's length is at most the bound; decay comes on top, 5e-4 of the weights.
  assert.ok(moved(low) < 0.1 * (1e-3 + 5e-4 * Math.hypot(...before)) + 1e-6 && moved(low) < 0.1 * moved(after));
  [clipped, bounded, plain].forEach(({ dispose }) => dispose());
});

for (const [head, clip] of [["center_bias", 0], ["arcface", 1]] as const) {
  Deno.test(`${head}, gradients ${clip ? "" : "not "}clipped: replayed steps are those computed, bit for bit`, async () => {
    const [replayed, computed] = [tiny(head, clip), tiny(head, clip)];
    // Parts of one size, then of two, then as before; another rate each time, and a pause as a validation makes it.
    const whole = (seed: number) => [partOf(seed, [3, 65, 64, 69])];
    const halves = (seed: number) => [partOf(seed, [3, 65]), partOf(seed + 1, [64, 64])];
    const batches = [...[1, 2, 3, 4].map(whole), ...[5, 7, 9].map(halves), ...[11, 12, 13, 14, 15, 16].map(whole)];
    const PAUSE = 10;
    const replays: boolean[] = [];
    for (const [i, parts] of batches.entries()) {
      if (i === PAUSE) replayed.step.release();
      const before = replayed.step.replays;
      for (const { step } of [replayed, computed]) step.run(parts, 0.1 / (i + 1));
      computed.step.release();
      replays.push(before && replayed.step.replays);
    }
    // Two of a kind are compared, of which the very first brings the parameters too; after the pause one is enough.
    const expectedReplays = [0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1].map(Boolean);
    assert.deepEqual(replays, expectedReplays);
    assert.deepEqual(await replayed.step.drain(), await computed.step.drain());
    const expected = await computed.state();
    for (const [name, { data }] of await replayed.state()) assert.deepEqual(data, expected.get(name)!.data, name);
    [replayed, computed].forEach(({ dispose }) => dispose());
  });
}

/** A network of one convolution, a batch-norm with PReLU and a product: every kind of operation, in few commands. */
function smallest(): Backbone {
  const parameters = new Parameters(gpu, 3);
  const context = { gpu, parameters, half: false };
  const shape = { inputs: 4, outputs: 8, size: 3, stride: 2, pad: 1 };
  const init = (seed: number, i: number) => 0.1 * normal(seed, i);
  const conv = convLayer(context, "conv", shape, init);
  const norm = batchNormLayer(context, "bn", shape.outputs);
  const slope = preluSlope(context, "prelu", shape.outputs);
  const linear = parameters.add("fc.weight", [SIZE * SIZE / 4 * shape.outputs, 8], init);
  return {
    name: "smallest",
    options: { width: 1, imageSize: SIZE, embeddingSize: 8, seed: 3, precision: "f32" },
    parameters,
    forward: (images, training) =>
      tf.tidy(() => {
        const x = norm.now(conv({ x: images }, training), training, { slope });
        return tf.matMul(x.reshape<tf.Tensor2D>([x.shape[0], -1]), linear as tf.Tensor as tf.Tensor2D);
      }),
    dispose: () => parameters.dispose(),
  };
}

Deno.test("a thousand steps keep neither tensors nor memory", async () => {
  const backbone = smallest();
  const head = createHead(gpu, "center_bias", { classes: CLASSES, embeddingSize: 8, scale: 16, partRows: 64, seed: 4 });
  const step = new TrainingStep(gpu, backbone, head, { momentum: 0.9, weightDecay: 5e-4 });
  const part = partOf(5, [3, 65, 65, 69]);
  const take = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await step.run([part], 1e-4);
      // A validation, or another thing that wants the memory, every now and then.
      if (i % 250 === 150) step.release();
      if (i % 50 === 49) await step.drain();
    }
    return tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
  };
  const before = await take(50);
  const after = await take(1000);
  assert.ok(step.replays);
  assert.equal(after.numTensors, before.numTensors);
  assert.equal(after.numBytes, before.numBytes);
  assert.equal(after.numBytesInGPU, before.numBytesInGPU);
  [step, head, backbone].forEach((one) => one.dispose());
  const { numTensors, numBytesInGPU } = tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
  assert.ok(numTensors < 10 && numBytesInGPU < before.numBytesInGPU, `${numTensors} tensors, ${numBytesInGPU} bytes`);
});
