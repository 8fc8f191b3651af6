import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { InputError } from "../../lib/errors.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { writeOnnx } from "../../lib/model/onnx.ts";
import { readOnnxMetadata } from "../../lib/model/onnx_metadata.ts";
import type { StoredModel } from "../../lib/model/read_model.ts";
import { BACKBONES, createBackbone } from "../../lib/nn/backbone.ts";
import { uniform } from "../../lib/nn/random.ts";
import * as ort from "../deps/onnxruntime.ts";
import { withFolder } from "../temporary_folder.ts";
import { randomModel, relativeDifference, SMALL } from "./random_model.ts";

ort.env.wasm.numThreads = 1;

/** Images [batch, 3, size, size] in [-1, 1]. */
function randomImages(size: number, batch: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: batch * 3 * size * size }, (_, i) => 2 * uniform(7, i) - 1);
}

/** What our own backbone makes of the images. */
async function ours(model: StoredModel, images: Float32Array): Promise<Float32Array> {
  const gpu = await startWebGPU();
  const backbone = createBackbone(gpu, model.model, model);
  backbone.parameters.load(model.state, model.path);
  const { imageSize } = model;
  const result = tf.tidy(() => {
    const planes = tf.tensor4d(images, [images.length / (3 * imageSize ** 2), 3, imageSize, imageSize]);
    return backbone.forward(planes.transpose<tf.Tensor4D>([0, 2, 3, 1]).pad([[0, 0], [0, 0], [0, 0], [0, 1]]), false);
  });
  const values = await gpu.kernels.read(result);
  result.dispose();
  backbone.dispose();
  return values.slice();
}

/** What ONNX Runtime makes of them, from the bytes of an export. */
async function theirs(path: string, images: Float32Array, size: number): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(Deno.readFileSync(path));
  assert.deepEqual([session.inputNames, session.outputNames], [["input"], ["embedding"]]);
  const input = new ort.Tensor("float32", images, [images.length / (3 * size * size), 3, size, size]);
  const { embedding } = await session.run({ input });
  const values = (embedding.data as Float32Array).slice();
  await session.release();
  return values;
}

for (const model of BACKBONES) {
  Deno.test(`ONNX Runtime computes what ${model} does, batch-norms kept and folded`, () =>
    withFolder(async (folder) => {
      // sizes whose kernels other tests compile too
      const [imageSize, batch] = model.startsWith("iresnet") ? [33, 2] : [56, 3];
      const stored = randomModel({ model, ...SMALL, imageSize });
      const images = randomImages(imageSize, batch);
      const expected = await ours(stored, images);
      for (const fold of [false, true]) {
        const path = `${folder}/${fold}.onnx`;
        writeOnnx(path, stored, { fold });
        const found = await theirs(path, images, imageSize);
        const difference = relativeDifference(found, expected);
        assert.ok(difference < 1e-4, `${fold ? "folded" : "kept"}: ${difference}`);
      }
    }));
}

Deno.test("ONNX Runtime computes what mbf at width 1 and 112x112 does, with any batch", () =>
  withFolder(async (folder) => {
    const stored = randomModel({ model: "mbf", width: 1, imageSize: 112, embeddingSize: 512 });
    const images = randomImages(112, 4); // the golden numbers use four too: their kernels are compiled already
    writeOnnx(`${folder}/mbf.onnx`, stored, { fold: true });
    const found = await theirs(`${folder}/mbf.onnx`, images, 112);
    assert.ok(relativeDifference(found, await ours(stored, images)) < 1e-4);
    const more = Float32Array.from({ length: 1.5 * images.length }, (_, i) => images[i % images.length]);
    const rows = await theirs(`${folder}/mbf.onnx`, more, 112);
    assert.ok(relativeDifference(rows.subarray(4 * 512), found.subarray(0, 2 * 512)) < 1e-5);
  }));

Deno.test("an export says what its input must be, and is read back without its weights", () =>
  withFolder((folder) => {
    const stored = randomModel({ model: "iresnet18", ...SMALL });
    const path = `${folder}/a.onnx`;
    writeOnnx(path, stored, { metadata: { epoch: "24", __proto__x: "ß" } });
    const { producer, operatorSet, metadata } = readOnnxMetadata(path);
    assert.deepEqual([producer, operatorSet], ["centerbias", 13]);
    assert.deepEqual(metadata, {
      epoch: "24",
      __proto__x: "ß",
      model: "iresnet18",
      width: "0.0625",
      image_size: "32",
      embedding_size: "16",
      color_order: "RGB",
      normalization: "(x / 255 - 0.5) / 0.5",
      layout: "NCHW",
      input: "input",
      output: "embedding",
      batch_norm: "kept",
    });
  }));

Deno.test("exports that cannot be written, and files that are no exports, are refused in one line", () =>
  withFolder((folder) => {
    const stored = randomModel({ model: "mbf", ...SMALL });
    const path = `${folder}/a.onnx`;
    assert.throws(() => writeOnnx(`${folder}/none/a.onnx`, stored), {
      name: "InputError",
      message: /^Cannot write .*: no such file or folder; check the path$/,
    });
    assert.throws(() => writeOnnx(folder, stored), { name: "InputError", message: /expected a file, found a folder/ });
    writeOnnx(path, stored);
    assert.throws(() => writeOnnx(path, stored), { name: "InputError", message: /exists already/ });
    writeOnnx(path, stored, { force: true });
    const whole = Deno.readFileSync(path);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.onnx"]);
    const refused = (bytes: Uint8Array, message: RegExp) => {
      Deno.writeFileSync(path, bytes);
      assert.throws(() => readOnnxMetadata(path), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        assert.match(error.message, /^Cannot read ONNX file [^\n]+ at byte \d+; [^\n]+$/);
        return true;
      });
    };
    refused(whole.slice(0, 1000), /cut short/);
    refused(new Uint8Array(0), /graph, found none/);
    refused(new TextEncoder().encode("<!DOCTYPE html> not found"), /found/);
    refused(new Uint8Array(64).fill(255), /other bytes/);
  }));
