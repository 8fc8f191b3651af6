import assert from "node:assert/strict";
import { checkData } from "../../../lib/data/check/check_data.ts";
import { FINDING_KINDS } from "../../../lib/data/check/list_findings.ts";
import { createCodec } from "../../../lib/data/image_codec.ts";
import { encodeImageRecord } from "../../../lib/data/image_record.ts";
import { writePairSet } from "../../../lib/data/pair_set.ts";
import { RecordWriter } from "../../../lib/data/record_writer.ts";
import { resizeImage } from "../../../lib/data/resize.ts";
import { syntheticFace } from "../../../lib/data/synthetic_face.ts";
import { withFolder } from "../../temporary_folder.ts";

/** Sets with a defect of each kind, in `folder`: train.rec, lfw.bin and cfp.bin. Other images are of no use to anybody. */
async function plant(folder: string): Promise<void> {
  using codec = await createCodec("wasm");
  const face = (n: number, quality = 95, size = 112) => {
    const pixels = syntheticFace({ identity: n, sample: n });
    const image = { width: 112, height: 112, pixels };
    return codec.encodeJpeg({ width: size, height: size, pixels: resizeImage(image, size) }, { quality });
  };
  const grey = codec.encodeJpeg({ width: 112, height: 112, pixels: new Uint8Array(112 * 112 * 3).fill(90) });
  const training: [label: number, image: Uint8Array][] = [
    [0, face(0)],
    [0, face(1)],
    [0, face(0)], // key 2: the bytes of key 0
    [0, face(1, 60)], // key 3: key 1 saved again
    [1, face(2)],
    [1, face(3)],
    [1, face(0, 70)], // key 6: key 0 saved again, in another class
    [2, face(1)], // key 7: the bytes of key 1, alone in another class
    [2, face(4).slice(0, 1500)], // key 8: cut short
    [3, face(5)],
    [3, grey], // key 10
    [3, grey], // key 11: no copy of it, as both are of one colour
    [4, face(6)],
    [4, face(7, 95, 96)], // key 13: of another size
    [9, face(8)], // key 14: of no class
  ];
  using writer = RecordWriter.create(`${folder}/train.rec`);
  training.forEach(([label, image], key) => writer.write(key, encodeImageRecord({ label, id: key, image })));
  writer.finish();
  Deno.writeTextFileSync(`${folder}/property`, "5,112,112");
  writePairSet(`${folder}/lfw.bin`, {
    images: [face(20), face(21), face(22), face(2), face(23), face(5, 60), face(24), face(24), face(25), face(25, 70)],
    same: [true, false, true, false, true],
  });
  // what another set to verify on has as well is no finding; a copy that is there again is
  writePairSet(`${folder}/cfp.bin`, { images: [face(20), face(30), face(5, 60), face(31)], same: [true, false] });
}

Deno.test("checkData() finds what was planted, and nothing else", () =>
  withFolder(async (folder) => {
    await plant(folder);
    const stages: string[] = [];
    const out = `${folder}/findings.csv`;
    const { sets, counts, findings } = await checkData([`${folder}/lfw.bin`, folder, `${folder}/cfp.bin`], {
      out,
      stage: (unit, work) => {
        stages.push(unit);
        return work();
      },
    });
    assert.deepEqual(sets.map(({ images }) => images), [15, 10, 4]);
    assert.deepEqual(stages, ["images", "images", "images", "prints", "likely copies"]);
    const short = findings.map(({ kind, image, other, detail }) =>
      [kind, image, ...other ? [other.image] : [], /differ in [0-7] bits/.test(detail) ? "near" : detail].join(": ")
    );
    assert.deepEqual(short.filter((line) => !line.startsWith("corrupt")), [
      "copy: key 2: key 0: the same bytes",
      "copy: key 3: key 1: near",
      "other-class: key 6: key 0: near",
      "single: key 7: ",
      "other-class: key 7: key 1: the same bytes",
      "one-colour: key 10: 112x112",
      "one-colour: key 11: 112x112",
      "size: key 13: 96x96 in place of 112x112",
      "label: key 14: expected a class from 0 to 4",
      "shared: image 3 (pair 1): key 4: the same bytes",
      "shared: image 5 (pair 2): key 9: near",
      "wrong-pair: image 6 (pair 3): image 7 (pair 3): the same bytes",
      "twins: image 8 (pair 4): image 9 (pair 4): near",
      "shared: image 2 (pair 1): key 9: near",
    ]);
    const [corrupt] = findings.filter(({ kind }) => kind === "corrupt");
    assert.deepEqual([corrupt.image, corrupt.label], ["key 8", 2]);
    assert.match(corrupt.detail, /^Cannot decode JPEG: /);
    assert.deepEqual(findings.find(({ kind }) => kind === "shared"), {
      ...{ kind: "shared", set: `${folder}/lfw.bin`, image: "image 3 (pair 1)" },
      ...{ other: { set: folder, image: "key 4", label: 1 }, detail: "the same bytes" },
    });
    assert.equal(Object.values(counts).reduce((sum, count) => sum + count), 15);
    assert.deepEqual(Object.keys(counts), Object.keys(FINDING_KINDS));
    assert.deepEqual([counts.shared, counts["other-class"], counts.copy, counts["other-set"]], [3, 2, 2, 0]);
    const lines = Deno.readTextFileSync(out).trimEnd().split("\n");
    assert.equal(lines.length, 16);
    assert.equal(lines[0], "kind,set,image,class,other_set,other_image,other_class,detail");
    assert.equal(lines[1], `copy,${folder},key 2,0,${folder},key 0,0,the same bytes`);
  }));

Deno.test("checkData() compares sets to train on with each other, and leaves out what cannot be opened", () =>
  withFolder(async (folder) => {
    using codec = await createCodec("wasm");
    for (const set of ["a", "b"]) {
      Deno.mkdirSync(`${folder}/${set}/person`, { recursive: true });
      for (const n of [0, set === "a" ? 1 : 2]) {
        const pixels = syntheticFace({ identity: n, sample: 0 });
        Deno.writeFileSync(
          `${folder}/${set}/person/${n}.jpg`,
          codec.encodeJpeg({ width: 112, height: 112, pixels }),
        );
      }
    }
    const paths = ["a", "none", "b"].map((name) => `${folder}/${name}`);
    await assert.rejects(checkData(paths), { name: "InputError", message: /none/ });
    const unopened: string[] = [];
    const { sets, findings } = await checkData(paths, { onUnopened: ({ message }) => unopened.push(message) });
    assert.deepEqual([sets.length, unopened.length], [2, 1]);
    assert.deepEqual(findings, [{
      ...{ kind: "other-set", set: `${folder}/b`, image: "person/0.jpg", label: 0 },
      ...{ other: { set: `${folder}/a`, image: "person/0.jpg", label: 0 }, detail: "the same bytes" },
    }]);
  }));

Deno.test("checkData() stopped or refused leaves no file behind", () =>
  withFolder(async (folder) => {
    await plant(folder);
    const out = `${folder}/findings.csv`;
    const before = [...Deno.readDirSync(folder)].length;
    for (const stopAt of ["images", "prints", "likely copies"]) {
      const stop = new AbortController();
      const work = checkData([folder], {
        ...{ out, signal: stop.signal },
        stage: (unit, work) => {
          if (unit === stopAt) stop.abort(new Error("enough"));
          return work();
        },
      });
      await assert.rejects(work, /enough/, stopAt);
      assert.equal([...Deno.readDirSync(folder)].length, before);
    }
    Deno.writeTextFileSync(out, "a user's own");
    await assert.rejects(checkData([folder], { out }), { name: "InputError", message: /exists already.*--force/ });
    await assert.rejects(checkData([folder], { out: `${folder}/none/a.csv` }), { name: "InputError" });
    assert.equal(Deno.readTextFileSync(out), "a user's own");
    await checkData([folder], { out, force: true });
    assert.match(Deno.readTextFileSync(out), /^kind,/);
  }));
