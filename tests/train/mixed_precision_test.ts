import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createHead } from "../../lib/head/create_head.ts";
import { createBackbone, type Precision } from "../../lib/nn/backbone.ts";
import { planMemory } from "../../lib/train/memory_plan.ts";
import { resolveTrainOptions } from "../../lib/train/resolve_options.ts";
import { type TrainingPart, uploadPart } from "../../lib/train/training_part.ts";
import { TrainingStep, type TrainingStepOptions } from "../../lib/train/training_step.ts";

const gpu = await startWebGPU();
const BATCH = 8, SIZE = 16, CLASSES = 8;

/** A small network on images of eight people, each of a colour of its own. */
function small(precision: Precision, model = "iresnet18", options: Partial<TrainingStepOptions> = {}) {
  const backbone = createBackbone(gpu, model, {
    width: model === "mbf" ? 0.125 : 0.0625,
    imageSize: SIZE,
    embeddingSize: 8,
    seed: 3,
    precision,
  });
  const head = createHead(gpu, "center_bias", { classes: CLASSES, embeddingSize: 8, scale: 16, seed: 4 });
  const step = new TrainingStep(gpu, backbone, head, { momentum: 0.9, weightDecay: 5e-4, ...options });
  const part = (seed: number): TrainingPart => ({
    size: BATCH,
    inputs: [
      tf.tidy(() => {
        const noise = tf.randomUniform([BATCH, SIZE, SIZE, 4], -0.5, 0.5, "float32", seed).dataSync() as Float32Array;
        const colour = (i: number) => (i & 3) === 3 ? -0.5 : ((i / (4 * SIZE * SIZE)) >> (i & 3) & 1) - 0.5;
        return noise.map((value, i) => value + colour(i));
      }),
      Int32Array.from({ length: BATCH }, (_, i) => i),
    ],
    unpack: ([images, labels]) => ({ images: images.reshape([BATCH, SIZE, SIZE, 4]), labels: labels.clone() }),
  });
  const weights = () => backbone.parameters.state();
  const dispose = () => [step, head, backbone].forEach((one) => one.dispose());
  return { step, backbone, part, weights, dispose };
}

/** Length of the difference, in lengths of what is expected. */
function distance(found: Float32Array, expected: Float32Array): number {
  return Math.hypot(...found.map((value, i) => value - expected[i])) / Math.hypot(...expected);
}

/** Cosine of the angle between two lists of tensors. */
function cosine(a: Float32Array[], b: Float32Array[]): number {
  const dot = (p: Float32Array[], q: Float32Array[]) =>
    p.reduce((sum, x, i) => x.reduce((inner, value, k) => inner + value * q[i][k], sum), 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

for (const model of ["iresnet18", "mbf"]) {
  Deno.test(`${model}, mixed: loss, embeddings and gradients are near those of float32`, async () => {
    const results = [];
    for (const precision of ["f32", "mixed"] as const) {
      const { step, part, dispose } = small(precision, model);
      const { images, labels } = uploadPart(part(5));
      const { loss, metrics, embeddings, gradients } = step.gradients(images, labels);
      const all = gradients.flatMap((parts) => parts!);
      results.push(await gpu.kernels.readAll([loss, embeddings, ...all]));
      tf.dispose([images, labels, loss, metrics, embeddings, all]);
      dispose();
    }
    const [exact, mixed] = results;
    const [loss, embeddings] = [0, 1].map((i) => distance(mixed[i], exact[i]));
    // Gradients of a deep network amplify any rounding: as much as noise of 0.05 % on the images does.
    const gradient = cosine(mixed.slice(2), exact.slice(2));
    assert.ok(loss < 1e-3 && embeddings < 0.01 && gradient > 0.97, `${loss}, ${embeddings}, ${gradient}`);
    assert.ok(exact[1].some((value, k) => value !== mixed[1][k]), "mixed is not float32");
  });
}

Deno.test("mixed learns what float32 learns", async () => {
  const losses = [];
  for (const precision of ["f32", "mixed"] as const) {
    const { step, part, dispose } = small(precision);
    for (let i = 0; i < 60; i++) step.run([part(i)], 0.02);
    const metrics = await step.drain();
    const last = metrics.slice(-10);
    const right = last.reduce((sum, one) => sum + one.right, 0) / (10 * BATCH);
    losses.push({ right, first: metrics[0].loss, last: last.reduce((sum, one) => sum + one.loss, 0) / 10 });
    assert.equal(metrics[0].lossScale, precision === "mixed" ? 65536 : undefined);
    dispose();
  }
  const [exact, mixed] = losses;
  assert.ok(exact.right > 0.9 && mixed.right > 0.9, JSON.stringify(losses));
  assert.ok(Math.max(mixed.last, exact.last) < 0.02 * exact.first, JSON.stringify(losses));
});

Deno.test("a step whose gradients are not finite leaves the network as it is, is counted, and halves the scale", async () => {
  // So large that the embeddings' gradient is beyond float32.
  const { step, part, weights, dispose } = small("mixed", "iresnet18", {
    lossScale: { initial: 2 ** 120, largest: 2 ** 126, interval: 5 },
  });
  step.lossScale!.load({ scale: Infinity, steps: 4, skipped: 2 });
  const before = await weights();
  step.run([part(1)], 0.1);
  const [metrics] = await step.drain();
  assert.equal(metrics.skipped, 3);
  assert.ok(Number.isFinite(metrics.loss));
  const after = await weights();
  for (const [name, { data }] of before) {
    if (!name.includes("running_")) assert.deepEqual(after.get(name)!.data, data, name);
  }
  step.lossScale!.load({ scale: 1024, steps: 4, skipped: 3 });
  step.run([part(2)], 0.1);
  assert.deepEqual(await step.lossScale!.read(), { scale: 2048, steps: 0, skipped: 3 });
  assert.notDeepEqual((await weights()).get("conv1.weight")!.data, before.get("conv1.weight")!.data);
  dispose();
});

Deno.test("outside training a mixed network computes in float32", async () => {
  const outputs = [];
  for (const precision of ["f32", "mixed"] as const) {
    const { backbone, part, dispose } = small(precision);
    const { images, labels } = uploadPart(part(1));
    const embeddings = backbone.forward(images, false);
    outputs.push(await gpu.kernels.read(embeddings));
    tf.dispose([images, labels, embeddings]);
    dispose();
  }
  assert.deepEqual(outputs[1], outputs[0]);
});

Deno.test("mixed takes less memory: the plan of a large batch says so", () => {
  const adapter = { ...gpu.adapter, name: "a GPU", software: false };
  const plan = (precision: Precision) =>
    planMemory(
      { adapter, choices: gpu.choices },
      resolveTrainOptions({ flags: { data: "any", model: "iresnet18", batchSize: 64, precision } }),
      1000,
    ).activations;
  const share = plan("mixed") / plan("f32");
  assert.ok(share > 0.5 && share < 0.9, `${share}`);
});
