import assert from "node:assert/strict";
import { readLandmarkList } from "../../lib/eval/landmark_list.ts";
import { withFolder } from "../temporary_folder.ts";

const ten = "1 2.5 3 4 5 6e1 -7 8 9 10";

Deno.test("readLandmarkList() reads names, landmarks and scores", () =>
  withFolder((folder) => {
    const path = `${folder}/list.txt`;
    Deno.writeTextFileSync(path, `1.jpg ${ten} 0.5\n\nsome folder/2.jpg\t${ten}\n`);
    const { names, landmarks, scores } = readLandmarkList(path);
    assert.deepEqual(names, ["1.jpg", "some folder/2.jpg"]);
    assert.deepEqual([...landmarks.subarray(10)], [1, 2.5, 3, 4, 5, 60, -7, 8, 9, 10]);
    assert.deepEqual([...scores], [0.5, 1]);
  }));

Deno.test("readLandmarkList() names the line that is wrong", () =>
  withFolder((folder) => {
    const path = `${folder}/list.txt`;
    const refuse = (text: string, message: RegExp, scored = false) => {
      Deno.writeTextFileSync(path, text);
      assert.throws(() => readLandmarkList(path, { scored }), { name: "InputError", message });
    };
    refuse(
      `a.jpg ${ten}\nb.jpg 1 2 3\n`,
      /list\.txt: expected an image, x and y of five landmarks on line 2, found 3 numbers; mend/,
    );
    refuse(`a.jpg ${ten} 0.5 7\n`, /on line 1, found 12 numbers/);
    refuse(`a.jpg ${ten}\n`, /five landmarks and a score on line 1, found 10 numbers/, true);
    refuse(`a.jpg ${ten.replace("3", "x")} 1\n`, /on line 1, found "x"/);
    refuse(`a.jpg ${ten.replace("3", "NaN")}\n`, /on line 1, found "NaN"/);
    refuse(`\n\n`, /expected images, found none/);
  }));
