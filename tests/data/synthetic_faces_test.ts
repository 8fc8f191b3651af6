import assert from "node:assert/strict";
import { createCodec } from "../../lib/data/image_codec.ts";
import { decodeImageRecord } from "../../lib/data/image_record.ts";
import { openTrainingSet } from "../../lib/data/open_training_set.ts";
import { readPairSet } from "../../lib/data/pair_set.ts";
import { RecordReader } from "../../lib/data/record_reader.ts";
import { syntheticFace, type SyntheticFacesOptions, writeSyntheticFaces } from "../../lib/data/synthetic_faces.ts";

const OPTIONS: SyntheticFacesOptions = {
  people: 3,
  imagesPerPerson: 4,
  verificationPeople: 3,
  pairs: 6,
  imageSize: 32,
  workers: 0,
  name: "unseen",
};

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("writeSyntheticFaces() writes a training set and a verification set of other people", async () => {
  await withFolder(async (folder) => {
    const progress: number[] = [];
    const made = await writeSyntheticFaces(folder, { ...OPTIONS, onProgress: (done) => progress.push(done) });
    assert.deepEqual(made, { folder, pairSet: `${folder}/unseen.bin`, made: true });
    assert.equal(progress.at(-1), 24);

    using set = openTrainingSet(folder);
    assert.deepEqual([set.size, set.classes, set.imageSize], [12, 3, [32, 32]]);
    using codec = await createCodec("wasm");
    using reader = RecordReader.open(`${folder}/train.rec`);
    assert.deepEqual([...decodeImageRecord(reader.read(0)).labels], [13, 16]);
    assert.deepEqual([...decodeImageRecord(reader.read(14)).labels], [5, 9]);
    const { labels, id, image } = decodeImageRecord(reader.read(7));
    assert.deepEqual([labels[0], id], [1, 7n]);
    const drawn = syntheticFace({ identity: 1, sample: 2, seed: 21, imageSize: 32 });
    const read = codec.decode(image).pixels;
    assert.ok(drawn.reduce((sum, value, i) => sum + Math.abs(value - read[i]), 0) / drawn.length < 8);

    using pairs = readPairSet(`${folder}/unseen.bin`);
    assert.deepEqual([...pairs.same], [true, false, true, false, true, false]);
    const files = new Set<string>();
    for (let i = 0; i < 12; i++) {
      assert.equal(codec.decode(pairs.image(i)).width, 32);
      files.add(pairs.image(i).join());
    }
    assert.equal(files.size, 12); // no picture twice
  });
});

Deno.test("writeSyntheticFaces() gives the same bytes again, by Workers too, and leaves a finished set alone", async () => {
  await withFolder(async (folder) => {
    const names = ["train.rec", "train.idx", "property", "unseen.bin", "synthetic.json"];
    const bytes = (name: string) => names.map((file) => Deno.readFileSync(`${folder}/${name}/${file}`));
    await writeSyntheticFaces(`${folder}/a`, OPTIONS);
    await writeSyntheticFaces(`${folder}/b`, { ...OPTIONS, workers: 2 });
    assert.deepEqual(bytes("b"), bytes("a"));
    const { mtime } = Deno.statSync(`${folder}/a/train.rec`);
    assert.equal((await writeSyntheticFaces(`${folder}/a`, OPTIONS)).made, false);
    assert.deepEqual(Deno.statSync(`${folder}/a/train.rec`).mtime, mtime);
    Deno.removeSync(`${folder}/a/unseen.bin`); // no longer whole
    assert.equal((await writeSyntheticFaces(`${folder}/a`, OPTIONS)).made, true);
    assert.deepEqual(bytes("a"), bytes("b"));
    assert.equal((await writeSyntheticFaces(`${folder}/a`, { ...OPTIONS, seed: 22 })).made, true);
    assert.notDeepEqual(bytes("a"), bytes("b"));
    assert.deepEqual([...Deno.readDirSync(`${folder}/a`)].map(({ name }) => name).sort(), names.sort());
  });
});

Deno.test("writeSyntheticFaces() does not write over a set it did not make", async () => {
  await withFolder(async (folder) => {
    Deno.writeTextFileSync(`${folder}/train.rec`, "someone's work");
    await assert.rejects(writeSyntheticFaces(folder, OPTIONS), { name: "InputError", message: /train\.rec; choose/ });
    assert.equal(Deno.readTextFileSync(`${folder}/train.rec`), "someone's work");
    assert.equal((await writeSyntheticFaces(folder, { ...OPTIONS, force: true })).made, true);
  });
});

Deno.test("writeSyntheticFaces() refuses options out of range", async () => {
  const bad: SyntheticFacesOptions[] = [
    { people: 0 },
    { pairs: 0.5 },
    { verificationPeople: 1 },
    { imageSize: 4 },
    { variation: 2 },
    { quality: 0 },
    { name: "../x" },
    { people: 2 ** 20, imagesPerPerson: 2 ** 20 },
  ];
  for (const options of bad) await assert.rejects(writeSyntheticFaces("/nowhere", options), { name: "InputError" });
});
