import assert from "node:assert/strict";
import { openTrainingSet } from "../../lib/data/open_training_set.ts";
import { readSampleList, writeSampleList } from "../../lib/data/sample_list.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("a sample list comes back as it was written, and is put in place whole", () =>
  withFolder((folder) => {
    const samples = Uint32Array.from({ length: 40_000 }, (_, i) => 2 * i);
    writeSampleList(`${folder}/list.txt`, { samples, of: 80_000 }, "stf 0.5, seed 21");
    assert.deepEqual(readSampleList(`${folder}/list.txt`), { samples, of: 80_000 });
    assert.match(
      Deno.readTextFileSync(`${folder}/list.txt`),
      /^# centerbias samples 1: 40000 of 80000 samples; stf 0.5, seed 21\n0\n2\n/,
    );
    assert.throws(() => writeSampleList(`${folder}/list.txt`, { samples, of: 80_000 }), /exists already/);
  }));

Deno.test("readSampleList() names the line that is wrong", () =>
  withFolder((folder) => {
    const path = `${folder}/list.txt`;
    const refuse = (text: string, message: RegExp) => {
      Deno.writeTextFileSync(path, text);
      assert.throws(() => readSampleList(path), { name: "InputError", message });
    };
    const head = (count: number, of: number) => `# centerbias samples 1: ${count} of ${of} samples\n`;
    refuse("", /list\.txt: expected "# centerbias samples 1: N of N samples" on line 1, found ""/);
    refuse("0\n1\n", /on line 1, found "0"/);
    refuse(head(0, 5), /at least one sample, and no more than there are on line 1/);
    refuse(head(6, 5), /at least one sample, and no more than there are on line 1/);
    refuse(head(3, 5) + "0\n1\n", /expected 3 samples in all on line 4, found 2/);
    refuse(
      head(1, 5) + "0\n1\n",
      /expected 1 samples in all on line 4, found 2/,
    );
    refuse(head(2, 5) + "0\n5\n", /expected a number from 1 to 4 on line 3, found "5"/);
    refuse(head(2, 5) + "3\n3\n", /expected a number from 4 to 4 on line 3, found "3"/);
    refuse(head(2, 5) + "-1\n3\n", /expected a number from 0 to 4 on line 2, found "-1"/);
    refuse(head(2, 5) + "0\n1e0\n", /on line 3, found "1e0"/);
    refuse(head(4294967295, 4294967295) + "0\n", /expected 4294967295 samples in all/);
  }));

Deno.test("openTrainingSet() of a list has its samples, under new numbers, and the set's classes", () =>
  withFolder((folder) => {
    for (const [i, name] of ["ann", "bob", "cyd"].entries()) {
      Deno.mkdirSync(`${folder}/set/${name}`, { recursive: true });
      for (let k = 0; k <= i; k++) Deno.writeTextFileSync(`${folder}/set/${name}/${k}.jpg`, "");
    }
    writeSampleList(`${folder}/list.txt`, { samples: Uint32Array.of(0, 4), of: 6 });
    using set = openTrainingSet(`${folder}/set`, { sample: `${folder}/list.txt` });
    assert.deepEqual([set.size, set.classes], [2, 3]);
    assert.deepEqual(set.source(1), { kind: "file", path: `${folder}/set/cyd/1.jpg`, label: 2 });
    assert.match(set.sampleName(1), /cyd\/1\.jpg/);
    assert.throws(() => set.source(2), RangeError);
    writeSampleList(`${folder}/other.txt`, { samples: Uint32Array.of(0), of: 7 });
    assert.throws(() => openTrainingSet(`${folder}/set`, { sample: `${folder}/other.txt` }), {
      name: "InputError",
      message: /other\.txt: expected a list of 6 samples, as .*set has, found one of 7;/,
    });
  }));
