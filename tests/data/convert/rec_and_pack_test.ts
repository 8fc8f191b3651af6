import assert from "node:assert/strict";
import { packRecords } from "../../../lib/data/convert/pack_records.ts";
import { unpackRecords } from "../../../lib/data/convert/unpack_records.ts";
import { decodeImageRecord, encodeImageRecord } from "../../../lib/data/image_record.ts";
import { RecordReader } from "../../../lib/data/record_reader.ts";
import { RecordSet } from "../../../lib/data/record_set.ts";
import { RecordWriter } from "../../../lib/data/record_writer.ts";
import { withFolder } from "../../temporary_folder.ts";

const orl = new URL("../../../../shared/data/orl", import.meta.url).pathname;
const hasOrl = (() => {
  try {
    return Deno.statSync(orl).isDirectory;
  } catch {
    return false;
  }
})();

/** The header of a JPEG of the given size, made different by a number: enough where nothing is decoded. */
function jpeg(number: number, size = 112): Uint8Array {
  return Uint8Array.from([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, size, 0, size, 1, 1, 0x11, 0, number]);
}

/** A list of `classOf.length` images in a folder. */
function writeList(folder: string, classOf: string[], size = (_: number) => 112): void {
  Deno.mkdirSync(`${folder}/images`, { recursive: true });
  classOf.forEach((_, i) => Deno.writeFileSync(`${folder}/images/${i}.jpg`, jpeg(i, size(i))));
  Deno.writeTextFileSync(`${folder}/label.txt`, classOf.map((name, i) => `images/${i}.jpg\t${name}\n`).join(""));
}

function writeRecords(folder: string, labels: number[], classes?: number): void {
  Deno.mkdirSync(folder, { recursive: true });
  using writer = RecordWriter.create(`${folder}/train.rec`, { force: true });
  labels.forEach((label, id) => writer.write(id, encodeImageRecord({ label, id, image: jpeg(id) })));
  writer.finish();
  if (classes !== undefined) Deno.writeTextFileSync(`${folder}/property`, `${classes},112,112\n`);
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

Deno.test("packRecords() writes record 0, images by class, identity records and property", () =>
  withFolder((folder) => {
    writeList(`${folder}/list`, ["30", "4", "30", "4", "200"], (i) => i === 2 ? 96 : 112);
    const packed = packRecords(`${folder}/list/label.txt`, `${folder}/deep/out`);
    assert.deepEqual(packed, { images: 5, classes: 3, imageSize: [112, 112], otherSizes: 1 });
    assert.deepEqual(names(`${folder}/deep/out`), ["property", "train.idx", "train.rec"]);
    assert.equal(Deno.readTextFileSync(`${folder}/deep/out/property`), "3,112,112\n");
    using reader = RecordReader.open(`${folder}/deep/out/train.rec`);
    const records = [...reader.keys()].map((key) => decodeImageRecord(reader.read(key)));
    assert.deepEqual(records.map(({ flag, labels, id }) => [flag, ...labels, Number(id)]), [
      [2, 6, 9, 0],
      ...[[0, 0, 1], [0, 0, 2], [0, 1, 3], [0, 1, 4], [0, 2, 5]],
      ...[[2, 1, 3, 6], [2, 3, 5, 7], [2, 5, 6, 8]],
    ]);
    assert.deepEqual(records.slice(1, 6).map(({ image }) => image.at(-1)), [1, 3, 0, 2, 4]);
  }));

Deno.test("packRecords() and unpackRecords() give back images and labels, also from folders of folders", () =>
  withFolder((folder) => {
    for (const [person, count] of [["bob", 2], ["ann", 3]] as const) {
      Deno.mkdirSync(`${folder}/people/${person}`, { recursive: true });
      for (let i = 0; i < count; i++) Deno.writeFileSync(`${folder}/people/${person}/${i}.jpg`, jpeg(10 * count + i));
    }
    packRecords(`${folder}/people`, `${folder}/packed`);
    const progress: number[][] = [];
    const unpacked = unpackRecords(`${folder}/packed`, `${folder}/out`, { onProgress: (...at) => progress.push(at) });
    assert.deepEqual(unpacked, { images: 5, classes: 2, resumed: false });
    assert.deepEqual(progress, [[0, 5], [5, 5]]);
    assert.deepEqual(names(`${folder}/out`), ["README.md", "images", "label.txt"]);
    assert.equal(Deno.readTextFileSync(`${folder}/out/README.md`), "num_image: 5\nnum_classes: 2\n");
    const list = [0, 0, 0, 1, 1].map((label, i) => `images/0000000${i + 1}.jpg\t${label}\n`).join("");
    assert.equal(Deno.readTextFileSync(`${folder}/out/label.txt`), list);
    const last = [1, 2, 3, 4, 5].map((i) => Deno.readFileSync(`${folder}/out/images/0000000${i}.jpg`).at(-1));
    assert.deepEqual(last, [30, 31, 32, 20, 21]);
    packRecords(`${folder}/out`, `${folder}/again`);
    for (const name of names(`${folder}/packed`)) {
      assert.deepEqual(Deno.readFileSync(`${folder}/again/${name}`), Deno.readFileSync(`${folder}/packed/${name}`));
    }
  }));

Deno.test({
  name: "packRecords() of an unpacked published set is the published set" +
    (hasOrl ? "" : " SKIPPED: no ../shared/data"),
  ignore: !hasOrl,
  fn: () =>
    withFolder((folder) => {
      assert.deepEqual(unpackRecords(orl, `${folder}/out`), { images: 120, classes: 12, resumed: false });
      using set = RecordSet.open(orl);
      const record = decodeImageRecord(set.reader.read(7));
      assert.deepEqual(Deno.readFileSync(`${folder}/out/images/00000007.jpg`), record.image.slice());
      packRecords(`${folder}/out`, `${folder}/packed`);
      for (const name of ["train.rec", "train.idx", "property"]) {
        assert.deepEqual(Deno.readFileSync(`${folder}/packed/${name}`), Deno.readFileSync(`${orl}/${name}`), name);
      }
    }),
});

Deno.test("unpackRecords() continues where an earlier process broke off", () =>
  withFolder((folder) => {
    writeRecords(`${folder}/set`, [0, 1, 1, 2]);
    unpackRecords(`${folder}/set`, `${folder}/whole`);
    // as a killed process leaves it: a file missing, one cut short, one with other bytes
    const stop = new Error("killed");
    const { removeSync } = Deno;
    Deno.removeSync = () => {}; // a killed process cleans nothing up
    try {
      assert.throws(
        () =>
          unpackRecords(`${folder}/set`, `${folder}/out`, {
            onProgress: (done, total) => {
              if (done === total) throw stop;
            },
          }),
        stop,
      );
    } finally {
      Deno.removeSync = removeSync;
    }
    assert.deepEqual(names(folder), [".out.partial", "set", "whole"]);
    const images = `${folder}/.out.partial/images`;
    Deno.removeSync(`${images}/00000003.jpg`);
    Deno.writeFileSync(`${images}/00000001.jpg`, jpeg(1).subarray(0, 5));
    Deno.writeFileSync(`${images}/00000002.jpg`, jpeg(99));
    const kept = Deno.statSync(`${images}/00000000.jpg`).ino;

    assert.deepEqual(unpackRecords(`${folder}/set`, `${folder}/out`), { images: 4, classes: 3, resumed: true });
    assert.equal(Deno.statSync(`${folder}/out/images/00000000.jpg`).ino, kept);
    assert.deepEqual(names(folder), ["out", "set", "whole"]);
    for (const file of ["label.txt", "README.md", ...[0, 1, 2, 3].map((i) => `images/0000000${i}.jpg`)]) {
      assert.deepEqual(Deno.readFileSync(`${folder}/out/${file}`), Deno.readFileSync(`${folder}/whole/${file}`));
    }
  }));

Deno.test("unpackRecords() begins again where the work left over is of another source", () =>
  withFolder((folder) => {
    writeRecords(`${folder}/set`, [0, 1]);
    Deno.mkdirSync(`${folder}/.out.partial/images`, { recursive: true });
    Deno.writeTextFileSync(`${folder}/.out.partial/images/stale.jpg`, "");
    Deno.writeTextFileSync(`${folder}/.out.partial/.source.json`, "another");
    assert.equal(unpackRecords(`${folder}/set`, `${folder}/out`).resumed, false);
    assert.deepEqual(names(`${folder}/out/images`), ["00000000.jpg", "00000001.jpg"]);

    Deno.mkdirSync(`${folder}/.second.partial`);
    Deno.writeTextFileSync(`${folder}/.second.partial/thesis.txt`, "");
    assert.throws(
      () => unpackRecords(`${folder}/set`, `${folder}/second`),
      /expected only images, label.txt, README.md in it, found thesis.txt/,
    );
  }));

Deno.test("unpackRecords() replaces a finished output by force only, and nothing else ever", () =>
  withFolder((folder) => {
    writeRecords(`${folder}/set`, [0, 1, 2]);
    unpackRecords(`${folder}/set`, `${folder}/out`);
    writeRecords(`${folder}/set`, [5, 4]);
    assert.throws(() => unpackRecords(`${folder}/set`, `${folder}/out`), {
      name: "InputError",
      message: /out: it exists already; .*--force/,
    });
    assert.equal(unpackRecords(`${folder}/set`, `${folder}/out`, { force: true }).images, 2);
    assert.equal(names(`${folder}/out/images`).length, 2);
    Deno.writeTextFileSync(`${folder}/out/thesis.txt`, "");
    assert.throws(() => unpackRecords(`${folder}/set`, `${folder}/out`, { force: true }), /found thesis\.txt/);
    assert.ok(names(`${folder}/out`).includes("thesis.txt"));
    assert.throws(() => unpackRecords(`${folder}/set`, `${folder}/set/train.rec`), /expected a folder, found a file/);
    Deno.mkdirSync(`${folder}/empty`);
    assert.equal(unpackRecords(`${folder}/set`, `${folder}/empty`).images, 2);
    assert.deepEqual(names(folder), ["empty", "out", "set"]);
  }));

Deno.test("unpackRecords() refuses a second process at the same output", () =>
  withFolder((folder) => {
    writeRecords(`${folder}/set`, [0]);
    unpackRecords(`${folder}/set`, `${folder}/out`, {
      onProgress: () => assert.throws(() => unpackRecords(`${folder}/set`, `${folder}/out`), /another process/),
    });
  }));

Deno.test("unpackRecords() names key and byte of a label that is none of the classes, and of damage", () =>
  withFolder((folder) => {
    for (const label of [2, -1, 0.5, NaN]) {
      writeRecords(`${folder}/set`, [0, 1, label], 2);
      assert.throws(() => unpackRecords(`${folder}/set`, `${folder}/out`), {
        name: "InputError",
        message: new RegExp(`key 2 of .*train\\.rec \\(byte 96\\): expected a label from 0 to 1, found ${label}`),
      });
      assert.deepEqual(names(folder), ["set"]);
    }
    writeRecords(`${folder}/set`, [0, 1, 1], 2);
    const bytes = Deno.readFileSync(`${folder}/set/train.rec`);
    bytes[48] ^= 1;
    Deno.writeFileSync(`${folder}/set/train.rec`, bytes);
    assert.throws(() => unpackRecords(`${folder}/set`, `${folder}/out`), { name: "InputError", message: /train\.rec/ });
    assert.deepEqual(names(folder), ["set"]);
  }));

Deno.test("packRecords() leaves nothing behind when an image is missing or is none", () =>
  withFolder((folder) => {
    writeList(`${folder}/list`, ["a", "b"]);
    const refused = (message: RegExp) => {
      assert.throws(() => packRecords(`${folder}/list`, `${folder}/out`), { name: "InputError", message });
      assert.deepEqual(names(folder), ["list"]);
    };
    Deno.writeTextFileSync(`${folder}/list/images/1.jpg`, "root:x:0:0");
    refused(/1\.jpg \(.*line 2\)\): expected a JPEG or PNG file, found a file that begins with 72 6f 6f 74/);
    Deno.writeFileSync(`${folder}/list/images/1.jpg`, jpeg(1).subarray(0, 6));
    refused(/Cannot pack image .*1\.jpg: .*the image is corrupt/);
    Deno.removeSync(`${folder}/list/images/1.jpg`);
    refused(/1\.jpg \(.*line 2\)\): no such file/);
  }));

Deno.test("packRecords() replaces an output by force only, and packs no packed set", () =>
  withFolder((folder) => {
    writeList(`${folder}/list`, ["a", "b"]);
    packRecords(`${folder}/list`, `${folder}/out`);
    assert.throws(() => packRecords(`${folder}/list`, `${folder}/out`), /property: it exists already/);
    packRecords(`${folder}/list`, `${folder}/out`, { force: true });
    assert.throws(() => packRecords(`${folder}/out`, `${folder}/two`), /found a packed set/);
    assert.throws(() => packRecords(`${folder}/list`, `${folder}/list/label.txt`), /expected a folder, found a file/);
    assert.deepEqual(names(folder), ["list", "out"]);
  }));
