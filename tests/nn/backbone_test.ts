import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { InputError } from "../../lib/errors.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { BACKBONES, createBackbone } from "../../lib/nn/backbone.ts";
import { readGoldenFile } from "../../tools/golden/golden_file.ts";

/** Kernels are compiled for every size: the fewer and smaller, the sooner. */
const SMALL = { width: 1 / 16, imageSize: 16, embeddingSize: 16 };

/** Random images, red, green, blue and a channel of zeros. */
function images(batch: number, size: number): tf.Tensor4D {
  return tf.tidy(() =>
    tf.randomUniform([batch, size, size, 3], -1, 1, "float32", 7).pad([[0, 0], [0, 0], [0, 0], [0, 1]])
  );
}

for (const [file, model] of [["iresnet18", "iresnet18"], ["mobilefacenet", "mbf"]]) {
  Deno.test(`${model} has PyTorch's parameters: names, shapes, order`, async () => {
    const golden = readGoldenFile(`tests/golden/${file}.json`);
    assert.ok(golden?.kind === "backbone");
    const backbone = createBackbone(await startWebGPU(), model);
    const ours = backbone.parameters.list().map(({ name, shape }) => ({ name, shape: [...shape] }));
    assert.deepEqual(ours, golden.value.parameters.map(({ name, shape }) => ({ name, shape })));
    const trainable = backbone.parameters.trainable().map(({ name }) => name);
    const steps = Object.keys(golden.value.float64.steps[0].grads!).filter((name) => !name.startsWith("head."));
    assert.deepEqual(trainable, steps);
    // The last batch-norm's weight is a parameter that is not trained.
    const fixed = model === "iresnet18" ? 512 : 0;
    const sizes = golden.value.parameters.filter(({ name }) => !name.includes(".running_"))
      .map(({ shape }) => shape.reduce((a, b) => a * b));
    assert.equal(backbone.parameters.size + fixed, sizes.reduce((a, b) => a + b));
    if (model === "iresnet18") assert.equal(backbone.parameters.size + fixed, 24_025_600);
    backbone.dispose();
  });
}

Deno.test("every IResNet has its number of blocks, the first of each layer with a downsample", async () => {
  const gpu = await startWebGPU();
  const blocks = { 18: [2, 2, 2, 2], 34: [3, 4, 6, 3], 50: [3, 4, 14, 3], 100: [3, 13, 30, 3], 200: [6, 26, 60, 6] };
  for (const [depth, counts] of Object.entries(blocks)) {
    const backbone = createBackbone(gpu, `iresnet${depth}`, { ...SMALL, width: 1 / 64 });
    const names = backbone.parameters.list().map(({ name }) => name);
    assert.deepEqual(
      [1, 2, 3, 4].map((layer) =>
        names.filter((name) => name.startsWith(`layer${layer}.`) && name.endsWith(".conv1.weight")).length
      ),
      counts,
    );
    assert.equal(names.filter((name) => name.endsWith("downsample.0.weight")).length, 4);
    for (const layer of [1, 2, 3, 4]) assert.ok(names.includes(`layer${layer}.0.downsample.1.running_var`));
    backbone.dispose();
  }
});

Deno.test("mbf_large has the blocks 2, 8, 12, 4 and four times 64 channels", async () => {
  const backbone = createBackbone(await startWebGPU(), "mbf_large", { imageSize: 32, embeddingSize: 16, width: 0.25 });
  const shapes = new Map(backbone.parameters.list().map(({ name, shape }) => [name, [...shape]]));
  const stages = [1, 3, 5, 7].map((stage) =>
    [...shapes.keys()].filter((name) =>
      new RegExp(`^layers\\.${stage}\\.layers\\.\\d+\\.layers\\.0\\.layers\\.0\\.weight$`).test(name)
    ).length
  );
  assert.deepEqual(stages, [2, 8, 12, 4]);
  assert.deepEqual(shapes.get("layers.0.layers.0.weight"), [64, 3, 3, 3]); // 4 * 64 channels, a quarter wide
  assert.deepEqual(shapes.get("layers.4.layers.2.layers.0.weight"), [128, 64, 1, 1]);
  backbone.dispose();
});

Deno.test("width multiplies channels, imageSize the linear layer", async () => {
  const gpu = await startWebGPU();
  const shape = (name: string, model: string, options: Parameters<typeof createBackbone>[2]) => {
    const backbone = createBackbone(gpu, model, options);
    const found = backbone.parameters.list().find((parameter) => parameter.name === name)!.shape;
    backbone.dispose();
    return [...found];
  };
  assert.deepEqual(shape("layer2.0.conv1.weight", "iresnet18", { ...SMALL, width: 0.125 }), [16, 8, 3, 3]);
  for (const [imageSize, side] of [[16, 1], [33, 3], [56, 4], [100, 7], [112, 7]]) {
    const fc = shape("fc.weight", "iresnet18", { ...SMALL, imageSize });
    assert.deepEqual(fc, [16, 32 * side * side], `images of ${imageSize}`);
    const global = shape("features.layers.0.layers.0.weight", "mbf", { ...SMALL, imageSize });
    assert.deepEqual(global, [32, 1, side, side], `images of ${imageSize}`);
  }
});

for (const [model, sizes] of [["iresnet18", [[33, 2]]], ["mbf", [[56, 3], [100, 1]]]] as const) {
  Deno.test(`${model} takes images of odd sizes`, async () => {
    const gpu = await startWebGPU();
    for (const [imageSize, batch] of sizes) {
      const backbone = createBackbone(gpu, model, { ...SMALL, imageSize });
      const input = images(batch, imageSize);
      const embeddings = tf.tidy(() => backbone.forward(input, false));
      assert.deepEqual(embeddings.shape, [batch, 16]);
      assert.ok((await gpu.kernels.read(embeddings)).every(Number.isFinite));
      embeddings.dispose();
      input.dispose();
      backbone.dispose();
    }
  });

  Deno.test(`${model}: an embedding does not depend on the others of its batch, but for training`, async () => {
    const gpu = await startWebGPU();
    const backbone = createBackbone(gpu, model, SMALL);
    const input = images(3, 16);
    const [all, last] = tf.tidy(() => [
      backbone.forward(input, false),
      backbone.forward(input.slice([2, 0, 0, 0], [1, 16, 16, 4]), false),
    ]);
    const [three, one] = [await gpu.kernels.read(all), await gpu.kernels.read(last)];
    const size = Math.max(...one.map(Math.abs));
    one.forEach((value, i) => assert.ok(Math.abs(value - three[2 * 16 + i]) < 1e-5 * size));
    tf.dispose([input, all, last]);
    backbone.dispose();
  });
}

Deno.test("training moves the running statistics, evaluation leaves them", async () => {
  const gpu = await startWebGPU();
  const backbone = createBackbone(gpu, "iresnet18", SMALL);
  const input = images(2, 16);
  const mean = async () => (await backbone.parameters.state()).get("bn1.running_mean")!.data;
  tf.tidy(() => void backbone.forward(input, false));
  assert.ok((await mean()).every((value) => value === 0));
  tf.tidy(() => void backbone.forward(input, true));
  assert.ok((await mean()).some((value) => value !== 0));
  input.dispose();
  backbone.dispose();
});

Deno.test("the same seed gives the same weights and embeddings, another seed others", async () => {
  const gpu = await startWebGPU();
  const input = images(2, 16);
  const found: Float32Array[] = [];
  for (const seed of [3, 3, 4]) {
    const backbone = createBackbone(gpu, "mbf", { ...SMALL, seed });
    const embeddings = tf.tidy(() => backbone.forward(input, false));
    found.push(await gpu.kernels.read(embeddings));
    embeddings.dispose();
    backbone.dispose();
  }
  assert.deepEqual(found[0], found[1]);
  assert.notDeepEqual(found[0], found[2]);
  input.dispose();
});

Deno.test("dispose() frees every tensor", async () => {
  const gpu = await startWebGPU();
  const before = tf.memory().numTensors;
  for (const model of ["iresnet18", "mbf"]) createBackbone(gpu, model, SMALL).dispose();
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("createBackbone() refuses names and dials that make no backbone", async () => {
  const gpu = await startWebGPU();
  const refused = (model: string, options: Parameters<typeof createBackbone>[2], message: string) =>
    assert.throws(() => createBackbone(gpu, model, options), (error: Error) => {
      assert.ok(error instanceof InputError);
      assert.equal(error.message, message);
      return true;
    });
  refused("resnet", {}, `Cannot make backbone: expected one of ${BACKBONES.join(", ")}, found resnet`);
  refused("constructor", {}, `Cannot make backbone: expected one of ${BACKBONES.join(", ")}, found constructor`);
  const mbf = "Cannot make backbone mbf: expected";
  refused("mbf", { width: 0 }, `${mbf} width over 0 and at most 8, found 0`);
  refused("mbf", { width: NaN }, `${mbf} width over 0 and at most 8, found NaN`);
  refused("mbf", { imageSize: 15 }, `${mbf} image size 16 to 1024, found 15`);
  refused("mbf", { imageSize: 50.5 }, `${mbf} image size 16 to 1024, found 50.5`);
  refused("mbf", { embeddingSize: 0 }, `${mbf} embedding size 1 to 8192, found 0`);
});
