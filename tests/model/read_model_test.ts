import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { inferBackbone } from "../../lib/model/infer_backbone.ts";
import { findModelFile } from "../../lib/model/load_model.ts";
import { asTensorData, readBackbone } from "../../lib/model/model_file.ts";
import { type NetworkFacts, planNetwork, planShapes } from "../../lib/model/network_plan.ts";
import { type ModelHints, readModel } from "../../lib/model/read_model.ts";
import { type TensorData, writeSafetensors } from "../../lib/model/safetensors.ts";
import { backboneNames } from "../../lib/model/state_names.ts";
import { writeTorchCheckpoint } from "../../lib/model/write_torch_checkpoint.ts";
import { BACKBONES, createBackbone } from "../../lib/nn/backbone.ts";
import { withFolder } from "../temporary_folder.ts";
import { randomModel, SMALL } from "./random_model.ts";

const FACTS: NetworkFacts = { model: "iresnet18", ...SMALL };

/** Tensors of a random model, as a file of others holds them. */
function tensors(facts: NetworkFacts = FACTS, prefix = ""): Map<string, TensorData> {
  const entries = [...asTensorData(randomModel(facts).state)];
  return new Map(entries.map(([name, tensor]) => [prefix + name, tensor]));
}

Deno.test("a plan's names and shapes are those of every backbone, and tell which it is", async () => {
  const gpu = await startWebGPU();
  for (const model of BACKBONES) {
    for (const [width, imageSize, embeddingSize] of [[1 / 64, 16, 7], [0.3, 32, 64]]) {
      const facts = { model, width, imageSize, embeddingSize };
      const backbone = createBackbone(gpu, model, facts);
      const shapes = planShapes(planNetwork(facts));
      assert.deepEqual([...shapes], backbone.parameters.list().map(({ name, shape }) => [name, shape]));
      assert.deepEqual(inferBackbone(shapes, "a.pth"), facts);
      backbone.dispose();
    }
  }
});

Deno.test("widths are inferred so that the channels are the same, in their simplest form", () => {
  const infer = (width: number, imageSize = 112, model = "iresnet50") =>
    inferBackbone(planShapes(planNetwork({ model, width, imageSize, embeddingSize: 8 })), "a.pth");
  for (const width of [1, 0.5, 0.25, 0.125, 1 / 16, 0.35, 0.75, 1.5, 2, 0.1, 8]) {
    assert.equal(infer(width).width, width);
  }
  for (let i = 1; i < 60; i++) {
    const facts = { model: i % 2 ? "mbf" : "iresnet18", width: i / 37, imageSize: 112, embeddingSize: 8 };
    const shapes = planShapes(planNetwork(facts));
    assert.deepEqual([...planShapes(planNetwork(inferBackbone(shapes, "a.pth")))], [...shapes]);
  }
  // 97 to 112 give the same network: a hint tells them apart
  assert.equal(infer(1, 100).imageSize, 112);
  const shapes = planShapes(planNetwork({ ...FACTS, imageSize: 100 }));
  assert.equal(inferBackbone(shapes, "a.pth", { imageSize: 100 }).imageSize, 100);
});

Deno.test("weights load from .pth, from safetensors of others, with prefixes, counters and other parts", () =>
  withFolder((folder) => {
    const expected = randomModel(FACTS);
    const counters = (prefix: string): [string, TensorData][] => [
      [`${prefix}bn1.num_batches_tracked`, { dtype: "I64", shape: [], data: BigInt64Array.of(5n) }],
    ];
    const head: [string, TensorData] = ["head.weight", { dtype: "F32", shape: [1], data: new Float32Array(1) }];
    const cases = [
      new Map([...tensors(), ...counters("")]),
      new Map([...tensors(FACTS, "module."), ...counters("module.")]),
      new Map([...tensors(FACTS, "module._orig_mod.")]),
      new Map([...tensors(FACTS, "backbone."), ...counters("backbone."), head]),
      new Map([...tensors(FACTS, "module.model."), head]),
      new Map([...tensors(), head]),
    ];
    for (const [i, state] of cases.entries()) {
      writeTorchCheckpoint(`${folder}/${i}.pth`, state);
      writeSafetensors(`${folder}/${i}.safetensors`, state);
      for (const path of [`${folder}/${i}.pth`, `${folder}/${i}.safetensors`]) {
        const { model, width, imageSize, embeddingSize, state } = readModel(path);
        assert.deepEqual({ model, width, imageSize, embeddingSize }, FACTS);
        assert.deepEqual(state, expected.state);
      }
    }
    // a zip is PyTorch's, whatever its name is
    Deno.copyFileSync(`${folder}/0.pth`, `${folder}/weights.bin`);
    assert.deepEqual(readModel(`${folder}/weights.bin`).state, expected.state);
  }));

Deno.test("halves and doubles become float32", () =>
  withFolder((folder) => {
    const wide = new Map([...tensors()].map(([name, { shape, data }]): [string, TensorData] => {
      return [name, { dtype: "F64", shape, data: Float64Array.from(data as Float32Array) }];
    }));
    const half = new Map([...tensors()].map(([name, { shape, data }]): [string, TensorData] => {
      return [name, { dtype: "F16", shape, data: new Uint16Array(new Float16Array(data as Float32Array).buffer) }];
    }));
    writeTorchCheckpoint(`${folder}/wide.pth`, wide);
    writeTorchCheckpoint(`${folder}/half.pth`, half);
    const expected = randomModel(FACTS).state.get("fc.weight")!.data;
    assert.deepEqual(readModel(`${folder}/wide.pth`).state.get("fc.weight")!.data, expected);
    assert.deepEqual(
      readModel(`${folder}/half.pth`).state.get("fc.weight")!.data,
      new Float32Array(new Float16Array(expected)),
    );
  }));

Deno.test("a model trained on blue, green, red reads red, green, blue after loading", () =>
  withFolder((folder) => {
    writeTorchCheckpoint(`${folder}/a.pth`, tensors());
    writeSafetensors(`${folder}/a.safetensors`, tensors(), { color_order: "BGR" });
    const { data } = randomModel(FACTS).state.get("conv1.weight")!;
    for (
      const { state } of [
        readModel(`${folder}/a.pth`, { colorOrder: "BGR" }),
        readModel(`${folder}/a.safetensors`),
      ]
    ) {
      const mirrored = state.get("conv1.weight")!.data;
      for (let o = 0; o < 4; o++) {
        for (let i = 0; i < 3; i++) {
          for (let t = 0; t < 9; t++) assert.equal(mirrored[(o * 3 + i) * 9 + t], data[(o * 3 + 2 - i) * 9 + t]);
        }
      }
    }
    const rgb = readModel(`${folder}/a.safetensors`, { colorOrder: "RGB" });
    assert.deepEqual(rgb.state.get("conv1.weight")!.data, data);
  }));

Deno.test("readBackbone() puts a .pth on the GPU", () =>
  withFolder(async (folder) => {
    writeTorchCheckpoint(`${folder}/a.pth`, tensors());
    const backbone = readBackbone(await startWebGPU(), `${folder}/a.pth`);
    assert.deepEqual(
      [...(await backbone.parameters.state()).values()].map(({ data }) => data),
      [
        ...randomModel(FACTS).state.values(),
      ].map(({ data }) => data),
    );
    backbone.dispose();
  }));

Deno.test("weights of another model are refused with the names that do not fit", () =>
  withFolder((folder) => {
    const path = `${folder}/a.pth`;
    const refused = (state: Map<string, TensorData>, message: RegExp, hints?: ModelHints, metadata = {}) => {
      const file = Object.keys(metadata).length > 0 ? `${folder}/a.safetensors` : path;
      if (file === path) writeTorchCheckpoint(path, state, { force: true });
      else writeSafetensors(file, state, metadata);
      assert.throws(() => readModel(file, hints), (error: Error) => {
        assert.ok(error instanceof InputError, error.stack);
        assert.match(error.message, message);
        assert.match(error.message, /^Cannot (load|read|make)[^\n]+$/);
        assert.ok(error.message.includes("make backbone") || error.message.includes(file), error.message);
        return true;
      });
    };
    const float = (...shape: number[]): TensorData => {
      return { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
    };
    // torchvision's resnet18 has some of the names
    const torchvision = new Map([...tensors()].filter(([name]) => !/prelu|bn3|features/.test(name)));
    torchvision.set("fc.weight", float(1000, 32));
    refused(
      torchvision,
      /do not fit iresnet18 .*missing prelu.weight, layer1.0.prelu.weight, .* more; of another shape/,
    );
    refused(new Map([...tensors(), ["extra", float(1)]]), /: not expected extra; the file is of another model/);
    const without = tensors();
    without.delete("bn2.bias");
    refused(without, /: missing bn2.bias; the file/);
    refused(new Map([...tensors(), ["bn2.bias", float(3)]]), /bn2.bias \(expected \[32\], found \[3\]\)/);
    refused(
      tensors(),
      /do not fit iresnet34 \(width 0.0625.*missing layer1.2.bn1.weight.* and \d+ more/,
      { backbone: "iresnet34" },
    );
    refused(tensors(), /not fit iresnet18 \(width 0.5/, { width: 0.5 });
    refused(tensors(), /image size 16 to 1024, found 5000/, { imageSize: 5000 });
    refused(tensors(), /expected backbone to be one of iresnet18, .*found resnet/, { backbone: "resnet" });
    refused(new Map([["visual.proj", float(2, 2)]]), /IResNet or a MobileFaceNet .*found visual.proj and 0 more/);
    const layers = new Map([...tensors()].filter(([name]) => !name.startsWith("layer3.1.")));
    refused(layers, /blocks as in iresnet18 \(2, 2, 2, 2\), .*, found 2, 2, 1, 2; it is of another backbone/);
    const mobile = new Map(
      [...tensors({ ...FACTS, model: "mbf" })].filter(([name]) => !name.startsWith("layers.5.layers.5")),
    );
    refused(mobile, /blocks as in mbf \(1, 4, 6, 2\), .*, found 1, 4, 5, 2/);
    refused(new Map([...tensors(), ...tensors(FACTS, "module.")]), /one tensor for conv1.weight, found/);
    // what a file says of itself
    const own = { model: "iresnet18", width: "0.0625", image_size: "32", embedding_size: "16" };
    refused(tensors(), /one of iresnet18, .*found vit/, {}, { ...own, model: "vit" });
    refused(tensors(), /"width" to be a number, found wide/, {}, { ...own, width: "wide" });
    refused(tensors(), /"image_size" to be a number, found none/, {}, { model: "iresnet18", width: "1" });
    refused(tensors(), /color_order RGB or BGR, found YUV/, {}, { ...own, color_order: "YUV" });
    refused(tensors(), /normalization .*found "x"/, {}, { ...own, normalization: "x" });
    // another format
    Deno.writeTextFileSync(`${folder}/a.onnx`, "");
    assert.throws(() => readModel(`${folder}/a.onnx`), /found .onnx, which is an export/);
  }));

Deno.test("backboneNames() leaves names of other models as they are", () => {
  assert.deepEqual([...backboneNames(["visual.conv1.bias", "a"], "x").keys()], ["visual.conv1.bias", "a"]);
});

Deno.test("findModelFile() prefers the best of ours, then the newest, then what is the only one", () =>
  withFolder((folder) => {
    const found = (...names: string[]) => {
      const run = Deno.makeTempDirSync({ dir: folder });
      for (const name of names) Deno.writeTextFileSync(`${run}/${name}`, "");
      return findModelFile(`${run}/`).slice(run.length + 1);
    };
    assert.equal(found("best_mbf.safetensors", "checkpoint_9.safetensors", "model.pth"), "best_mbf.safetensors");
    assert.equal(found("checkpoint_1.safetensors", "checkpoint_2.safetensors"), "checkpoint_2.safetensors");
    assert.equal(found("a.safetensors", "b.pth"), "a.safetensors");
    assert.equal(found("backbone.pth", "head.pth"), "backbone.pth");
    assert.equal(found("best_iresnet18.pth", "latest_3_checkpoint.pt"), "best_iresnet18.pth");
    assert.equal(found("model.pt"), "model.pt");
    const refused = (message: RegExp, ...names: string[]) =>
      assert.throws(() => found(...names), { name: "InputError", message });
    refused(/found no .safetensors or .pth file/);
    refused(/found a.pth, b.pth; name the file/, "a.pth", "b.pth");
    assert.throws(() => findModelFile(`${folder}/nothing`), { name: "InputError", message: /found nothing there/ });
  }));
