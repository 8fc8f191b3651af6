import assert from "node:assert/strict";
import { EmbeddingFile } from "../../lib/eval/embedding_file.ts";
import { readNpy } from "../../lib/eval/npy.ts";
import { withFolder } from "../temporary_folder.ts";

const OPTIONS = { dim: 2, key: "a model and images" };

function append(file: EmbeddingFile, ...numbers: number[]): void {
  for (const n of numbers) file.append(Float32Array.of(n, -n), [`${n}.jpg`], n + 1);
}

function files(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("EmbeddingFile goes on from the last save and forgets what came after it", () =>
  withFolder((folder) => {
    const path = `${folder}/e.npy`;
    {
      using file = EmbeddingFile.open(path, OPTIONS);
      append(file, 0, 1);
      file.save();
      append(file, 2);
    }
    assert.deepEqual(files(folder), [".e.json.part", ".e.npy.part", ".e.txt.part"]);
    {
      using file = EmbeddingFile.open(path, OPTIONS);
      assert.deepEqual([file.resumed, file.done, file.rows], [2, 2, 2]);
      append(file, 2);
      file.append(new Float32Array(0), [], 4); // a corrupt image was left out
      append(file, 4);
      file.finish();
    }
    assert.deepEqual(files(folder), ["e.npy", "e.txt"]);
    const { shape, dtype, data } = readNpy(path);
    assert.deepEqual({ shape, dtype, data: [...data as Float32Array] }, {
      shape: [4, 2],
      dtype: "float32",
      data: [0, -0, 1, -1, 2, -2, 4, -4],
    });
    assert.equal(Deno.readTextFileSync(`${folder}/e.txt`), "0.jpg\n1.jpg\n2.jpg\n4.jpg\n");
    assert.throws(() => EmbeddingFile.open(path, OPTIONS), { name: "InputError", message: /e.npy: it exists already/ });
    using again = EmbeddingFile.open(path, { ...OPTIONS, force: true });
    assert.equal(again.done, 0);
  }));

/** Runs `work` with a system that fails to give a file the name `path`: what is on the disk then is what a kill leaves. */
function killedAtName(path: string, work: () => void): void {
  const rename = Deno.renameSync;
  Deno.renameSync = (from, to) => {
    if (to === path) throw new Error("killed");
    rename(from, to);
  };
  try {
    assert.throws(work, /killed/);
  } finally {
    Deno.renameSync = rename;
  }
}

Deno.test("EmbeddingFile goes on where it was killed between its two names", () =>
  withFolder((folder) => {
    const path = `${folder}/e.npy`, names = `${folder}/e.txt`;
    const killed = () =>
      killedAtName(path, () => {
        using file = EmbeddingFile.open(path, OPTIONS);
        if (file.done === 0) append(file, 0, 1, 2);
        file.finish();
      });
    killed();
    killed(); // going on may be killed there too
    assert.deepEqual(files(folder), [".e.json.part", ".e.npy.part", "e.txt"]);
    {
      using file = EmbeddingFile.open(path, OPTIONS);
      assert.deepEqual([file.resumed, file.rows], [3, 3]);
      file.finish();
    }
    assert.deepEqual(files(folder), ["e.npy", "e.txt"]);
    assert.deepEqual([...readNpy(path).data as Float32Array], [0, -0, 1, -1, 2, -2]);
    assert.equal(Deno.readTextFileSync(names), "0.jpg\n1.jpg\n2.jpg\n");

    for (const file of [path, names]) Deno.removeSync(file);
    killed();
    assert.throws(() => EmbeddingFile.open(path, { ...OPTIONS, key: "another model", existingRemedy: "remove it" }), {
      name: "InputError",
      message: `Cannot write ${names}: it exists already; remove it`,
    });
    Deno.writeTextFileSync(names, "a user's own notes in its place");
    assert.throws(() => EmbeddingFile.open(path, OPTIONS), /e\.txt: it exists already/);
    assert.equal(Deno.readTextFileSync(names), "a user's own notes in its place");
  }));

Deno.test("EmbeddingFile begins anew for other work, and where its parts are damaged", () =>
  withFolder((folder) => {
    const path = `${folder}/e.npy`;
    const begun = () => {
      using file = EmbeddingFile.open(path, { ...OPTIONS, force: true });
      append(file, 0, 1, 2);
      file.save();
    };
    const done = (options = OPTIONS) => {
      using file = EmbeddingFile.open(path, options);
      return file.done;
    };
    begun();
    assert.equal(done(), 3);
    assert.equal(done({ ...OPTIONS, key: "another model" }), 0);
    for (const damage of ["npy", "txt", "json"]) {
      begun();
      Deno.truncateSync(`${folder}/.e.${damage}.part`, 5);
      assert.equal(done(), 0, damage);
    }
    begun();
    Deno.writeTextFileSync(`${folder}/.e.json.part`, `{"key":"${OPTIONS.key}","done":-1,"rows":0,"nameBytes":0}`);
    assert.equal(done(), 0);
  }));

Deno.test("EmbeddingFile refuses what it cannot write", () =>
  withFolder((folder) => {
    const refused = (path: string, message: RegExp) =>
      assert.throws(() => EmbeddingFile.open(path, OPTIONS), { name: "InputError", message });
    refused(`${folder}/e.csv`, /a name ending in .npy/);
    refused(`${folder}/.npy`, /a name ending in .npy/);
    refused(`${folder}/none/e.npy`, /no such file or folder/);
    Deno.writeTextFileSync(`${folder}/a.txt`, "a user's own notes");
    refused(`${folder}/a.npy`, /a.txt: it exists already/);
    using file = EmbeddingFile.open(`${folder}/e.npy`, OPTIONS);
    assert.throws(() => file.append(new Float32Array(3), ["a"], 1), TypeError);
  }));
