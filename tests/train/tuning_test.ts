import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import type { AskedPass } from "../../lib/gpu/conv_choices.ts";
import { choiceName } from "../../lib/gpu/conv_choice.ts";
import { ConvChoices } from "../../lib/gpu/conv_choices.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { askedPasses } from "../../lib/nn/asked_passes.ts";
import { tuneRun } from "../../lib/train/tuning.ts";
import { parseTrainOptions } from "../../lib/train/options.ts";
import { Progress } from "../../lib/train/progress.ts";
import { TuningCache, tuningCachePath } from "../../lib/train/tuning_cache.ts";
import { withFolder } from "../temporary_folder.ts";
import { TINY } from "./tiny_run.ts";

const PASS: AskedPass = {
  layer: { batch: 1, input: [4, 4, 4], output: [4, 4, 4], filter: [3, 3], stride: 1, pad: 1 },
  pass: "forward",
};

Deno.test("TuningCache gives back what was added, to the same machine only", async () => {
  const { adapter } = await startWebGPU();
  await withFolder(async (folder) => {
    const path = `${folder}/deep/tuning.json`;
    const choices = new ConvChoices(adapter);
    const last = choices.all(PASS.layer, "forward").at(-1)!;
    const cache = await TuningCache.open(path, adapter);
    assert.equal(cache.problem, undefined);
    assert.deepEqual(cache.apply(choices, [PASS]), [PASS]);
    cache.add([{ ...PASS, choice: last, milliseconds: 1.5 }]);

    const again = await TuningCache.open(path, adapter);
    assert.deepEqual(again.apply(choices, [PASS, { ...PASS, pass: "input" }]), [{ ...PASS, pass: "input" }]);
    assert.equal(choiceName(choices.of(PASS.layer, "forward")), choiceName(last));

    const other = await TuningCache.open(path, { ...adapter, name: "another" });
    assert.deepEqual(other.apply(choices, [PASS]), [PASS]);
    other.add([{ ...PASS, choice: last, milliseconds: 2 }]);
    assert.deepEqual((await TuningCache.open(path, adapter)).apply(choices, [PASS]), []);
  });
});

Deno.test("a tuner's file that is none counts as empty, and says so", async () => {
  const { adapter } = await startWebGPU();
  await withFolder(async (folder) => {
    const path = `${folder}/tuning.json`;
    for (
      const [text, why] of [["{", /JSON/], ["[1]", /another format/], [
        '{"format":"x","machines":[]}',
        /another format/,
      ]]
    ) {
      Deno.writeTextFileSync(path, text as string);
      const cache = await TuningCache.open(path, adapter);
      assert.match(cache.problem!, why as RegExp);
      assert.deepEqual(cache.apply(new ConvChoices(adapter), [PASS]), [PASS]);
    }
  });
});

Deno.test("tuningCachePath() is in the user's cache folder", () => {
  assert.equal(tuningCachePath((name) => ({ HOME: "/home/a" })[name]), "/home/a/.cache/centerbias/tuning.json");
  assert.equal(tuningCachePath((name) => ({ HOME: "/h", XDG_CACHE_HOME: "/c" })[name]), "/c/centerbias/tuning.json");
  assert.equal(tuningCachePath(() => undefined), undefined);
});

Deno.test("askedPasses() lists a network's convolutions without computing or changing anything", async () => {
  const gpu = await startWebGPU();
  const backbone = createBackbone(gpu, "iresnet18", { width: 0.0625, imageSize: 16, embeddingSize: 16 });
  const before = await backbone.parameters.state();
  const passes = askedPasses(gpu, backbone, 3);
  assert.deepEqual(await backbone.parameters.state(), before);
  const count = (pass: string) => passes.filter((asked) => asked.pass === pass).length;
  assert.equal(count("forward"), count("filter"));
  // The linear layer's is a product of its own; the images, which have none, are of a shape that a block's input has too.
  assert.equal(count("input"), count("forward") - 1);
  assert.ok(passes.every(({ layer }) => layer.batch === 3));
  assert.equal(tf.getBackend(), "webgpu");
  backbone.dispose();
});

Deno.test("tuneRun() writes kernels.json, and a resumed run takes up what stands there", async () => {
  const gpu = await startWebGPU();
  const backbone = createBackbone(gpu, "iresnet18", { width: 0.0625, imageSize: 16, embeddingSize: 16 });
  await withFolder(async (folder) => {
    let text = "";
    using progress = new Progress({ write: (more) => void (text += more), isTerminal: false });
    const options = parseTrainOptions({ ...TINY, tune: "cached", tuneCache: `${folder}/none.json` });
    await tuneRun({ gpu, backbone, options, folder, progress });
    const chosen = JSON.parse(Deno.readTextFileSync(`${folder}/kernels.json`));
    const [key] = Object.keys(chosen);
    const asked = askedPasses(gpu, backbone, 4).find(({ layer, pass }) => ConvChoices.key(layer, pass) === key)!;
    const other = gpu.choices.all(asked.layer, asked.pass).map(choiceName).find((name) => name !== chosen[key])!;
    Deno.writeTextFileSync(`${folder}/kernels.json`, JSON.stringify({ [key]: other }));
    await tuneRun({ gpu, backbone, options, folder, progress });
    assert.equal(choiceName(gpu.choices.of(asked.layer, asked.pass)), other);
    gpu.choices.setByName(asked.layer, asked.pass, chosen[key]);
    Deno.writeTextFileSync(`${folder}/kernels.json`, "[]");
    await assert.rejects(
      tuneRun({ gpu, backbone, options, folder, progress }),
      /^InputError: Cannot read .*kernels.json/,
    );
    assert.equal(text, "");
  });
  backbone.dispose();
});
