import assert from "node:assert/strict";
import { FolderSet } from "../../lib/data/folder_set.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("FolderSet numbers folders in sorted order and leaves out what is no image", () =>
  withFolder((folder) => {
    for (
      const file of ["10/b.PNG", "10/a.jpg", "9/x.jpeg", "9/notes.txt", "9/.hidden.jpg", "empty/readme", ".git/a.jpg"]
    ) {
      Deno.mkdirSync(`${folder}/${file.split("/")[0]}`, { recursive: true });
      Deno.writeTextFileSync(`${folder}/${file}`, "");
    }
    Deno.writeTextFileSync(`${folder}/stray.jpg`, "");
    Deno.symlinkSync(`${folder}/nowhere`, `${folder}/10/dangling.jpg`);
    using set = FolderSet.open(folder);
    assert.deepEqual([set.size, set.classes], [3, 2]);
    assert.deepEqual(set.classNames, ["9", "10"]);
    assert.deepEqual([0, 1, 2].map((i) => set.source(i)), [
      { kind: "file", path: `${folder}/9/x.jpeg`, label: 0 },
      { kind: "file", path: `${folder}/10/a.jpg`, label: 1 },
      { kind: "file", path: `${folder}/10/b.PNG`, label: 1 },
    ]);
    assert.equal(set.sampleName(2), "10/b.PNG");
  }));

Deno.test("FolderSet refuses a folder without images", () =>
  withFolder((folder) => {
    Deno.mkdirSync(`${folder}/ann`);
    assert.throws(() => FolderSet.open(folder), { name: "InputError", message: /found none/ });
    assert.throws(() => FolderSet.open(`${folder}/none`), { name: "InputError", message: /no such file/ });
  }));
