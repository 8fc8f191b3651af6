import assert from "node:assert/strict";
import { openTrainingSet } from "../../lib/data/open_training_set.ts";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("openTrainingSet() tells records, lists and folders apart", () =>
  withFolder((folder) => {
    Deno.mkdirSync(`${folder}/ann`);
    Deno.writeTextFileSync(`${folder}/ann/1.png`, "");
    const kind = (path: string) => {
      using set = openTrainingSet(path);
      assert.equal(set.name, path);
      return set.constructor.name;
    };
    assert.equal(kind(folder), "FolderSet");
    Deno.writeTextFileSync(`${folder}/label.txt`, "a.jpg 0");
    assert.equal(kind(folder), "ListSet");
    assert.equal(kind(`${folder}/label.txt`), "ListSet");
    using writer = RecordWriter.create(`${folder}/train.rec`);
    writer.write(0, encodeImageRecord({ label: 0 }));
    writer.finish();
    assert.equal(kind(folder), "RecordSet");
    Deno.renameSync(`${folder}/train.rec`, `${folder}/other`);
    assert.equal(kind(`${folder}/other`), "RecordSet");
    assert.throws(() => openTrainingSet(`${folder}/none`), { name: "InputError", message: /none: no such file/ });
  }));
