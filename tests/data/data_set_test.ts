import assert from "node:assert/strict";
import { findDataSets, openDataSet } from "../../lib/data/data_set.ts";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("findDataSets() takes a folder for its training set and its .bin files", () =>
  withFolder((folder) => {
    const write = (name: string) => Deno.writeTextFileSync(`${folder}/${name}`, "");
    assert.deepEqual(findDataSets(folder), [folder]); // of folders of people, or none: opening it says
    for (const name of ["b.bin", "a.bin", "notes.txt"]) write(name);
    assert.deepEqual(findDataSets(folder), [`${folder}/a.bin`, `${folder}/b.bin`]);
    write("label.txt");
    assert.deepEqual(findDataSets(`${folder}/`), [`${folder}/`, `${folder}/a.bin`, `${folder}/b.bin`]);
    for (const path of [`${folder}/a.bin`, `${folder}/none`]) assert.deepEqual(findDataSets(path), [path]);
  }));

Deno.test("openDataSet() opens either kind", () =>
  withFolder((folder) => {
    const image = Uint8Array.of(1, 2);
    writePairSet(`${folder}/two.bin`, { images: [image, image], same: [true] });
    Deno.writeTextFileSync(`${folder}/label.txt`, "a.jpg 3\n");
    using pairs = openDataSet(`${folder}/two.bin`);
    assert.deepEqual([pairs.size, pairs.nameOf(1), pairs.training], [2, "image 1 (pair 0)", undefined]);
    assert.deepEqual(pairs.source(1), { kind: "bytes", bytes: image });
    using training = openDataSet(folder);
    assert.deepEqual([training.size, training.nameOf(0), training.pairs], [1, "a.jpg (line 1)", undefined]);
    assert.throws(() => openDataSet(`${folder}/none.bin`), { name: "InputError" });
  }));
