import assert from "node:assert/strict";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { RecordSet } from "../../lib/data/record_set.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { withFolder } from "../temporary_folder.ts";

const image = Uint8Array.of(0xff, 0xd8, 0xff);

Deno.test("RecordSet takes keys 1 to L0-1 as images behind a record 0, wherever they lie", () =>
  withFolder((folder) => {
    using writer = RecordWriter.create(`${folder}/train.rec`);
    // keys in disorder, as a shuffling packer writes them
    const offsets = [writer.write(2, encodeImageRecord({ label: 1, id: 2, image }))];
    writer.write(4, encodeImageRecord({ label: [2, 3], id: 4 }));
    writer.write(0, encodeImageRecord({ label: [3, 5] }));
    offsets.unshift(writer.write(1, encodeImageRecord({ label: 0, id: 1, image })));
    writer.write(3, encodeImageRecord({ label: [1, 2], id: 3 }));
    writer.finish();
    Deno.writeTextFileSync(`${folder}/property`, "2,112,96\n");
    for (const removed of [undefined, "train.idx", "property"]) {
      if (removed) Deno.removeSync(`${folder}/${removed}`);
      using set = RecordSet.open(folder);
      assert.deepEqual([set.size, set.classes, set.identities], [2, 2, 2]);
      assert.deepEqual(set.imageSize, removed === "property" ? undefined : [112, 96]);
      const path = `${folder}/train.rec`;
      assert.deepEqual([0, 1].map((i) => set.source(i)), offsets.map((offset) => ({ kind: "record", path, offset })));
      assert.equal(set.sampleName(1), "key 2");
      assert.throws(() => set.source(2), RangeError);
    }
  }));

Deno.test("RecordSet takes every key as an image where record 0 is one", () =>
  withFolder((folder) => {
    const path = `${folder}/faces.rec`;
    using writer = RecordWriter.create(path);
    for (const [key, label] of [[0, 0], [1, [6, 0.5]], [9, 3]] as const) {
      writer.write(key, encodeImageRecord({ label, image }));
    }
    writer.finish();
    using set = RecordSet.open(path);
    // without property and identity records the labels say how many classes there are
    assert.deepEqual([set.size, set.classes, set.identities, set.hasProperty], [3, 7, 0, false]);
    assert.equal(set.sampleName(2), "key 9");
  }));

Deno.test("RecordSet refuses a record 0 that does not fit", () =>
  withFolder((folder) => {
    const cases: [number[], RegExp][] = [
      [[3, 4], /expected keys 1 to 2 as record 0 says, found 2 keys up to 1/],
      [[1, 2], /found \(1, 2\); the file is damaged/],
      [[2, 1], /found \(2, 1\)/],
      [[NaN, 4], /found \(NaN, 4\)/],
      [[2 ** 31, 2 ** 31], /expected keys 1 to 2147483647/],
    ];
    for (const [label, message] of cases) {
      using writer = RecordWriter.create(`${folder}/train.rec`, { force: true });
      writer.write(0, encodeImageRecord({ label }));
      writer.write(1, encodeImageRecord({ label: 0, image }));
      writer.finish();
      assert.throws(() => RecordSet.open(folder), { name: "InputError", message }, String(label));
    }
  }));

Deno.test("RecordSet refuses zero classes and records without labels", () =>
  withFolder((folder) => {
    using writer = RecordWriter.create(`${folder}/train.rec`);
    writer.write(0, encodeImageRecord({ label: -1, image }));
    writer.write(1, Uint8Array.of(1));
    writer.finish();
    assert.throws(() => RecordSet.open(folder), /expected labels of 0 or more, found none in 2 records/);
    Deno.writeTextFileSync(`${folder}/property`, "0,112,112");
    assert.throws(() => RecordSet.open(folder), /found zero classes/);
    assert.throws(() => RecordSet.open(`${folder}/none`), /none: no such file/);
  }));
