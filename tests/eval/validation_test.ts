import assert from "node:assert/strict";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { InputError } from "../../lib/errors.ts";
import { meanAccuracy, Validation } from "../../lib/eval/validation.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { withFolder } from "../temporary_folder.ts";
import { tinyImages } from "../train/tiny_run.ts";

const alternating = Array.from({ length: 12 }, (_, i) => i % 2 === 0);

function refused(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => error instanceof InputError && message.test(error.message));
}

Deno.test("Validation refuses a set it cannot be made on, and leaves such a one out where it was only found", () =>
  withFolder(async (folder) => {
    const gpu = await startWebGPU();
    const images = await tinyImages(24);
    writePairSet(`${folder}/good.bin`, { images, same: alternating });
    writePairSet(`${folder}/alike.bin`, { images, same: alternating.map(() => true) });
    const named = [`${folder}/alike.bin`];
    refused(() => new Validation(gpu, named), /alike\.bin: expected pairs of one person and of two, found 12 and 0/);
    refused(() => new Validation(gpu, [`${folder}/good.bin`], { folds: 20 }), /good\.bin: expected at least 20 pairs/);
    refused(() => new Validation(gpu, [folder], { folds: 20 }), /alike\.bin: expected at least 20 pairs/);
    refused(() => new Validation(gpu, [], { batchSize: 0 }), /expected a batch size of 1 or more, found 0/);
    using found = new Validation(gpu, [folder]);
    assert.deepEqual(found.sets.map(({ name }) => name), ["good"]);
    assert.equal(found.leftOut.length, 1);
    assert.match(found.leftOut[0], /^Cannot verify on .*alike\.bin: /);
  }));

Deno.test("Validation.run() tells how far it is, stops when asked, and names an image that is corrupt", () =>
  withFolder(async (folder) => {
    const gpu = await startWebGPU();
    const images = await tinyImages(24);
    writePairSet(`${folder}/a.bin`, { images, same: alternating });
    writePairSet(`${folder}/b.bin`, { images: images.with(5, images[5].subarray(0, 50)), same: alternating });
    using sets = new Validation(gpu, [`${folder}/a.bin`, `${folder}/a.bin`], { batchSize: 4, workers: 0 });
    const backbone = createBackbone(gpu, "iresnet18", { width: 0.0625, imageSize: 16, embeddingSize: 16 });
    try {
      const told: [number, number, string][] = [];
      const results = await sets.run(backbone, { progress: (...now) => told.push(now) });
      assert.deepEqual(told[0], [0, 48, "a"]);
      assert.deepEqual(told.at(-1), [48, 48, "a"]);
      assert.deepEqual(results[0], results[1]);
      assert.equal(meanAccuracy(results), results[0].result.accuracy);

      const stop = new AbortController();
      let done = 0;
      const stopped = sets.run(backbone, {
        signal: stop.signal,
        progress: (now) => (done = now) >= 8 && stop.abort(),
      });
      await assert.rejects(stopped, (error) => error === stop.signal.reason);
      assert.equal(done, 8);

      using corrupt = new Validation(gpu, [`${folder}/b.bin`], { batchSize: 4, workers: 0 });
      await assert.rejects(corrupt.run(backbone), /Cannot embed image 5 of .*b\.bin: expected a JPEG or PNG image/);
    } finally {
      backbone.dispose();
    }
  }));
