import assert from "node:assert/strict";
import { packPairs } from "../../../lib/data/convert/pack_pairs.ts";
import { readPairList } from "../../../lib/data/convert/pair_list.ts";
import { unpackPairs } from "../../../lib/data/convert/unpack_pairs.ts";
import { readPairSet, writePairSet } from "../../../lib/data/pair_set.ts";
import { withFolder } from "../../temporary_folder.ts";

function jpeg(number: number): Uint8Array {
  return Uint8Array.of(0xff, 0xd8, 0xff, number);
}

function writeSet(path: string, same: boolean[]): void {
  writePairSet(path, { images: Array.from({ length: 2 * same.length }, (_, i) => jpeg(i)), same });
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

Deno.test("unpackPairs() and packPairs() give back images and truth values", () =>
  withFolder((folder) => {
    writeSet(`${folder}/lfw.bin`, [true, false, true]);
    const progress: number[][] = [];
    const onProgress = (...at: number[]) => progress.push(at);
    const sets = unpackPairs(`${folder}/lfw.bin`, `${folder}/out`, { onProgress });
    assert.deepEqual(sets, [{ name: "lfw", pairs: 3, skipped: false }]);
    assert.deepEqual(progress, [[0, 6], [6, 6]]);
    assert.deepEqual(names(`${folder}/out/lfw`), ["image.list", "images", "pair.list"]);
    assert.equal(
      Deno.readTextFileSync(`${folder}/out/lfw/pair.list`),
      "images/0.jpg\timages/1.jpg\t1\nimages/2.jpg\timages/3.jpg\t0\nimages/4.jpg\timages/5.jpg\t1\n",
    );
    const images = [0, 1, 2, 3, 4, 5].map((i) => `images/${i}.jpg\n`).join("");
    assert.equal(Deno.readTextFileSync(`${folder}/out/lfw/image.list`), images);
    assert.deepEqual(Deno.readFileSync(`${folder}/out/lfw/images/5.jpg`), jpeg(5));

    const packed = packPairs(`${folder}/out/lfw/pair.list`, `${folder}/again.bin`);
    assert.deepEqual(packed, { pairs: 3, same: 2 });
    assert.deepEqual(Deno.readFileSync(`${folder}/again.bin`), Deno.readFileSync(`${folder}/lfw.bin`));
  }));

Deno.test("unpackPairs() goes on with the sets that an interrupted run left", () =>
  withFolder((folder) => {
    Deno.mkdirSync(`${folder}/sets`);
    for (const name of ["a", "b", "c"]) writeSet(`${folder}/sets/${name}.bin`, [true]);
    Deno.writeTextFileSync(`${folder}/sets/b.bin`, "cut short");
    assert.throws(() => unpackPairs(`${folder}/sets`, `${folder}/out`), { name: "InputError", message: /b\.bin/ });
    assert.deepEqual(names(`${folder}/out`), [".convert.json", "a"]);
    Deno.removeSync(`${folder}/sets/b.bin`);
    writeSet(`${folder}/sets/b.bin`, [false, true]);
    assert.deepEqual(unpackPairs(`${folder}/sets`, `${folder}/out`), [
      { name: "a", pairs: 1, skipped: true },
      { name: "b", pairs: 2, skipped: false },
      { name: "c", pairs: 1, skipped: false },
    ]);
    assert.deepEqual(names(`${folder}/out`), ["a", "b", "c"]);
    assert.throws(() => unpackPairs(`${folder}/sets`, `${folder}/out`), /a: it exists already/);
    assert.equal(unpackPairs(`${folder}/sets`, `${folder}/out`, { force: true }).length, 3);
    assert.deepEqual(names(`${folder}/out`), ["a", "b", "c"]);
  }));

Deno.test("unpackPairs() writes nothing outside of its folder, and leaves nothing of what fails", () =>
  withFolder((folder) => {
    writeSet(`${folder}/...bin`, [true]);
    assert.throws(() => unpackPairs(`${folder}/...bin`, `${folder}/out`), {
      name: "InputError",
      message: /found \.\..bin/,
    });
    Deno.mkdirSync(`${folder}/empty`);
    assert.throws(
      () => unpackPairs(`${folder}/empty`, `${folder}/out`),
      /expected \.bin files in the folder, found none/,
    );
    assert.throws(() => unpackPairs(`${folder}/none.bin`, `${folder}/out`), /none\.bin: no such file/);
    assert.deepEqual(names(folder), ["...bin", "empty"]);
  }));

Deno.test("readPairList() reads pair.list and LFW's pairs.txt", () =>
  withFolder((folder) => {
    const read = (text: string) => {
      Deno.writeTextFileSync(`${folder}/pairs`, text);
      const { images, same } = readPairList(`${folder}/pairs`);
      return [images.map((path) => path.replace(folder, "")), same];
    };
    assert.deepEqual(read("a 1.jpg\tb.jpg\t1\r\n\r\n/c.jpg d.jpg 0"), [["/a 1.jpg", "/b.jpg", "/c.jpg", "/d.jpg"], [
      true,
      false,
    ]]);
    assert.deepEqual(read("10\t300\nAnn_Lee\t1\t12\nAnn_Lee\t3\tBo\t2\n"), [[
      "/Ann_Lee/Ann_Lee_0001.jpg",
      "/Ann_Lee/Ann_Lee_0012.jpg",
      "/Ann_Lee/Ann_Lee_0003.jpg",
      "/Bo/Bo_0002.jpg",
    ], [true, false]]);
    assert.throws(() => read("a.jpg b.jpg 2"), /expected "image image 0 or 1" on line 1, found "a.jpg b.jpg 2"/);
    assert.throws(() => read("10 300\nAnn 1\n"), /expected "name i j" or "name i name j" on line 2/);
    assert.throws(() => read("\n"), /expected pairs of images, found none/);
  }));

Deno.test("packPairs() leaves nothing behind when an image is missing, and replaces by force only", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/pair.list`, "a.jpg\tb.jpg\t1\n");
    Deno.writeFileSync(`${folder}/a.jpg`, jpeg(1));
    assert.throws(() => packPairs(`${folder}/pair.list`, `${folder}/x.bin`), {
      name: "InputError",
      message: /b\.jpg \(.*pair\.list, pair 1\): no such file/,
    });
    assert.deepEqual(names(folder), ["a.jpg", "pair.list"]);
    Deno.writeFileSync(`${folder}/b.jpg`, jpeg(2));
    packPairs(`${folder}/pair.list`, `${folder}/x.bin`);
    assert.throws(() => packPairs(`${folder}/pair.list`, `${folder}/x.bin`), /x\.bin: it exists already/);
    packPairs(`${folder}/pair.list`, `${folder}/x.bin`, { force: true });
    using set = readPairSet(`${folder}/x.bin`);
    assert.deepEqual(set.image(1), jpeg(2));
  }));
