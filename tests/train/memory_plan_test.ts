import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createHead } from "../../lib/head/create_head.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { batchParts } from "../../lib/train/batch_parts.ts";
import { checkMemory, memoryTable, refusal } from "../../lib/train/memory_check.ts";
import { planMemory } from "../../lib/train/memory_plan.ts";
import { parseTrainOptions } from "../../lib/train/options.ts";
import { TrainingStep } from "../../lib/train/training_step.ts";

const gpu = await startWebGPU();
const CLASSES = 500;
const options = parseTrainOptions({ model: "iresnet18", width: 0.25, imageSize: 32, batchSize: 12, embeddingSize: 64 });

/** Counts the bytes of every buffer and texture the device makes from here on. */
function meter(device: GPUDevice): { peak: () => number } {
  let live = 0, peak = 0;
  const counted = <T extends { destroy(): void }>(made: T, bytes: number): T => {
    live += bytes;
    peak = Math.max(peak, live);
    const destroy = made.destroy.bind(made);
    made.destroy = () => {
      live -= bytes;
      destroy();
    };
    return made;
  };
  const createBuffer = device.createBuffer.bind(device), createTexture = device.createTexture.bind(device);
  device.createBuffer = (descriptor) => counted(createBuffer(descriptor), descriptor.size);
  device.createTexture = (descriptor) => {
    const [width, height] = descriptor.size as number[];
    return counted(createTexture(descriptor), width * height * (descriptor.format.startsWith("rgba") ? 16 : 4));
  };
  return { peak: () => peak };
}

Deno.test("planMemory() is within a tenth of what ten steps take of the device", async () => {
  const plan = planMemory(gpu, options, CLASSES);
  const { peak } = meter(gpu.device);
  const backbone = createBackbone(gpu, options.model, options);
  const head = createHead(gpu, options.headType, { ...options, classes: CLASSES });
  const step = new TrainingStep(gpu, backbone, head, options);
  const size = options.batchSize;
  const batch = {
    size,
    images: new Uint8Array(size * options.imageSize ** 2 * 3).fill(100),
    labels: Int32Array.from({ length: size }, (_, i) => i),
    flips: new Uint8Array(size),
    samples: new Uint32Array(size),
    position: 0,
  };
  for (let i = 0; i < 10; i++) step.run(batchParts(gpu, batch, options.imageSize, 1), 0.01);
  const taken = peak();
  await step.drain();
  [step, head, backbone].forEach((one) => one.dispose());
  assert.ok(Math.abs(plan.total - taken) < 0.1 * taken, `planned ${plan.total}, taken ${taken}`);
  const { weights, optimizer, head: ofHead, activations, copies, total } = plan;
  assert.equal(weights + optimizer + ofHead + activations + copies, total);
  assert.equal(ofHead, 3 * CLASSES * 64 * 4 + 4);
});

Deno.test("planMemory() leaves tfjs as it was, and grows with batch and classes", () => {
  const before = tf.memory().numTensors;
  const small = planMemory(gpu, { ...options, batchSize: 2 }, 10);
  const wide = planMemory(gpu, { ...options, batchSize: 2 }, 10_010);
  const large = planMemory(gpu, { ...options, batchSize: 64 }, 10);
  const parts = planMemory(gpu, { ...options, batchSize: 64, accumulate: 16 }, 10);
  assert.equal(tf.getBackend(), "webgpu");
  assert.equal(tf.memory().numTensors, before);
  assert.equal(wide.head - small.head, 3 * 10_000 * 64 * 4);
  assert.ok(large.activations > 8 * small.activations && parts.activations < 0.5 * large.activations);
});

Deno.test("planMemory() of two million classes computes nothing and takes no memory", () => {
  const { head } = planMemory(gpu, { ...options, embeddingSize: 512, batchSize: 2 }, 2_059_906);
  assert.equal(head, 3 * 2_059_906 * 512 * 4 + 4);
});

Deno.test("a run that does not fit is refused with the batch size that does", () => {
  const fits = checkMemory(gpu, options, CLASSES, 1e12);
  assert.ok(fits.fits && fits.fittingBatch === undefined);
  const least = checkMemory(gpu, { ...options, batchSize: 1 }, CLASSES, 1e12);
  const available = Math.ceil((fits.needed + least.needed) / 2);
  const check = checkMemory(gpu, options, CLASSES, available);
  assert.ok(!check.fits && check.fittingBatch! >= 1 && check.fittingBatch! < options.batchSize);
  assert.ok(checkMemory(gpu, { ...options, batchSize: check.fittingBatch! }, CLASSES, available).fits);
  const { message } = refusal(check, options, gpu.adapter);
  assert.match(message, /^Cannot train on .*: expected a run of at most .* MB.*, found .* MB for iresnet18/);
  assert.match(message, new RegExp(`--batch-size ${check.fittingBatch} fits, or --accumulate \\d+ for`));
  assert.equal(memoryTable(check, gpu.adapter).at(-1)!.trim().startsWith("available"), true);
  const never = checkMemory(gpu, options, CLASSES, 1000);
  assert.match(refusal(never, options, gpu.adapter).message, /not even one image at once fits/);
});
