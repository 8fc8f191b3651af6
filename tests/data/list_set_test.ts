import assert from "node:assert/strict";
import { ListSet } from "../../lib/data/list_set.ts";
import { withFolder } from "../temporary_folder.ts";

function open(folder: string, text: string | Uint8Array): ListSet {
  if (typeof text === "string") text = new TextEncoder().encode(text);
  Deno.writeFileSync(`${folder}/label.txt`, text);
  return ListSet.open(folder);
}

Deno.test("ListSet maps classes to 0 … C-1, numbers by their value", () =>
  withFolder((folder) => {
    using set = open(folder, "images/a b.jpg\t10\r\n\n/x/c.png  2\n  d.jpg 10  \n../e.jpg\t7");
    assert.deepEqual([set.size, set.classes, set.imageSize], [4, 3, undefined]);
    assert.deepEqual(set.classNames, ["2", "7", "10"]);
    assert.deepEqual([0, 1, 2, 3].map((i) => set.label(i)), [2, 0, 2, 1]);
    assert.deepEqual(set.source(0), { kind: "file", path: `${folder}/images/a b.jpg`, label: 2 });
    assert.deepEqual(set.source(1), { kind: "file", path: "/x/c.png", label: 0 });
    assert.equal(set.sampleName(2), "d.jpg (line 4)");
    assert.equal(set.sampleName(3), "../e.jpg (line 5)");
    assert.throws(() => set.source(4), RangeError);
  }));

Deno.test("ListSet takes words as classes, in the order of their code units", () =>
  withFolder((folder) => {
    using set = open(folder, "\ufeffa.jpg zoë\nb.jpg 10\nc.jpg Ann\n");
    assert.deepEqual(set.classNames, ["10", "Ann", "zoë"]);
    assert.equal(set.sampleName(0), "a.jpg (line 1)");
  }));

Deno.test("ListSet refuses what is no list, with the line", () =>
  withFolder((folder) => {
    assert.throws(() => ListSet.open(folder), { name: "InputError", message: /label\.txt: no such file/ });
    assert.throws(() => open(folder, " \n\n"), /label\.txt: expected "image class" lines, found none/);
    assert.throws(() => open(folder, "a.jpg 1\nb.jpg\n"), /expected "image class" on line 2, found "b.jpg"/);
    assert.throws(() => open(folder, "a\0.jpg 1\n"), /on line 1/);
    assert.throws(() => open(folder, new Uint8Array(70_000).fill(65)), /found 70000 bytes on line 1/);
  }));
