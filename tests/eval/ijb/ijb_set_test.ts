import assert from "node:assert/strict";
import { readIjbSet } from "../../../lib/eval/ijb/ijb_set.ts";
import { withFolder } from "../../temporary_folder.ts";

const points = "38 52 73 52 56 72 42 92 71 92";

function write(
  root: string,
  { list = "1.jpg 1 10\n2.jpg 2 10\n", landmarks = `1.jpg ${points} 0.9\n2.jpg ${points} 0.8\n` } = {},
): void {
  Deno.mkdirSync(`${root}/meta`, { recursive: true });
  Deno.mkdirSync(`${root}/loose_crop`, { recursive: true });
  for (const name of ["1.jpg", "2.jpg"]) Deno.writeTextFileSync(`${root}/loose_crop/${name}`, "");
  Deno.writeTextFileSync(`${root}/meta/ijbb_face_tid_mid.txt`, list);
  Deno.writeTextFileSync(`${root}/meta/ijbb_name_5pts_score.txt`, landmarks);
}

Deno.test("readIjbSet() reads the lists, brings landmarks into the images' order, and finds the target's folder", () =>
  withFolder((folder) => {
    write(`${folder}/IJBB`, { landmarks: `3.jpg ${points} 0.1\n2.jpg ${points} 0.75\n1.jpg ${points} 0.5\n` });
    const set = readIjbSet("IJBB", folder);
    assert.equal(set.root, `${folder}/IJBB`);
    assert.deepEqual([set.names, [...set.templates], [...set.media]], [["1.jpg", "2.jpg"], [1, 2], [10, 10]]);
    assert.deepEqual([...set.list.scores], [0.5, 0.75]);
    assert.equal(set.list.landmarks[0], 38);
  }));

Deno.test("readIjbSet() names the file and row of what is wrong", () =>
  withFolder((folder) => {
    const refuse = (files: Parameters<typeof write>[1], message: RegExp) => {
      write(folder, files);
      assert.throws(() => readIjbSet("IJBB", folder), { name: "InputError", message });
    };
    refuse(
      { list: "1.jpg 1 10\n7.jpg 2 10\n", landmarks: `1.jpg ${points} 1\n7.jpg ${points} 1\n` },
      /loose_crop: expected 7\.jpg \(line 2 of .*ijbb_face_tid_mid\.txt\), found no such file/,
    );
    refuse(
      { list: "1.jpg 1\n" },
      /ijbb_face_tid_mid\.txt: expected "image template media" on line 1, found "1\.jpg 1"/,
    );
    refuse({ list: "../meta/x.jpg 1 2\n" }, /on line 1, found "\.\.\/meta/);
    refuse({ list: "" }, /expected images, found none/);
    refuse(
      { landmarks: `1.jpg ${points} 0.9\n` },
      /ijbb_name_5pts_score\.txt: expected a line for 2\.jpg \(line 2 of .*found none among 1/,
    );
    refuse(
      { landmarks: `1.jpg ${points} 0.9\n2.jpg 1 2 3 4 0.9\n` },
      /ijbb_name_5pts_score\.txt: expected .* on line 2, found 5 numbers/,
    );
    refuse(
      { landmarks: `1.jpg ${points} 0.9\n2.jpg ${points} -0.1\n` },
      /ijbb_name_5pts_score\.txt: expected .* and a score on line 2, found the score -0\.1, below 0; mend/,
    );
    assert.throws(() => readIjbSet("IJBC", folder), {
      name: "InputError",
      message: /ijbc_face_tid_mid\.txt: expected lists of IJBC, found those of IJBB; give --target IJBB or/,
    });
    Deno.removeSync(`${folder}/meta/ijbb_face_tid_mid.txt`);
    assert.throws(() => readIjbSet("IJBC", folder), /ijbc_face_tid_mid\.txt: no such file/);
    assert.throws(() => readIjbSet("IJBB", `${folder}/none`), { name: "InputError" });
  }));
