import assert from "node:assert/strict";
import { countClasses } from "../../../lib/data/convert/class_counts.ts";
import { inspectSet, type PairSetReport, type TrainingSetReport } from "../../../lib/data/convert/inspect.ts";
import { createCodec } from "../../../lib/data/image_codec.ts";
import { encodeImageRecord } from "../../../lib/data/image_record.ts";
import { writePairSet } from "../../../lib/data/pair_set.ts";
import { RecordWriter } from "../../../lib/data/record_writer.ts";
import { withFolder } from "../../temporary_folder.ts";

async function jpegs(): Promise<[square: Uint8Array, tall: Uint8Array, cut: Uint8Array]> {
  using codec = await createCodec("wasm");
  const of = (width: number, height: number) =>
    codec.encodeJpeg({ width, height, pixels: new Uint8Array(width * height * 3).map((_, i) => i * 7) });
  const square = of(24, 24);
  return [square, of(16, 20), square.subarray(0, square.length - 60)];
}

Deno.test("inspectSet() counts a training set and names corrupt images and bad labels by key", () =>
  withFolder(async (folder) => {
    const [square, tall, cut] = await jpegs();
    using writer = RecordWriter.create(`${folder}/train.rec`);
    const images: [number, Uint8Array][] = [[0, square], [0, tall], [2, cut], [5, square], [1, square]];
    images.forEach(([label, image], key) => writer.write(key, encodeImageRecord({ label, id: key, image })));
    writer.finish();
    Deno.writeTextFileSync(`${folder}/property`, "4,24,24");
    const progress: number[][] = [];
    const report = await inspectSet(folder, { onProgress: (...at) => progress.push(at) }) as TrainingSetReport;
    assert.deepEqual([report.images, report.classes, report.corrupt, report.badLabels], [5, 4, 1, 1]);
    assert.deepEqual(report.propertySize, { height: 24, width: 24 });
    assert.deepEqual(report.sizes, [{ height: 24, width: 24, images: 3 }, { height: 20, width: 16, images: 1 }]);
    assert.deepEqual(report.corruptImages.map(({ name }) => name), ["key 2"]);
    assert.deepEqual(report.badLabelImages, [{ name: "key 3", reason: "label 5 is not one of 0 to 3" }]);
    assert.deepEqual(report.imagesPerClass, {
      ...{ used: 3, empty: 1, min: 1, median: 1, max: 2 },
      histogram: [{ from: 1, to: 1, classes: 2 }, { from: 2, to: 3, classes: 1 }],
    });
    assert.deepEqual(progress, [[5, 5]]);
  }));

Deno.test("inspectSet() counts a verification set", () =>
  withFolder(async (folder) => {
    const [square, tall, cut] = await jpegs();
    const path = `${folder}/lfw.bin`;
    writePairSet(path, { images: [square, tall, cut, square], same: [true, false] });
    const report = await inspectSet(path) as PairSetReport;
    assert.deepEqual([report.pairs, report.same, report.different, report.images, report.corrupt], [2, 1, 1, 4, 1]);
    assert.equal(report.corruptImages[0].name, "image 2 (pair 1)");
    await assert.rejects(() => inspectSet(`${folder}/none.bin`), { name: "InputError" });
  }));

Deno.test("countClasses() takes the middle, and bins that double", () => {
  assert.deepEqual(countClasses(Uint32Array.of(0, 9, 4, 10, 5)), {
    ...{ used: 4, empty: 1, min: 4, median: 7, max: 10 },
    histogram: [{ from: 4, to: 7, classes: 2 }, { from: 8, to: 15, classes: 2 }],
  });
  assert.deepEqual(countClasses(new Uint32Array(2)), { used: 0, empty: 2, min: 0, median: 0, max: 0, histogram: [] });
});
