import assert from "node:assert/strict";
import { readIjbSet } from "../../../lib/eval/ijb/ijb_set.ts";
import { evaluateIjb } from "../../../lib/eval/ijb/run_ijb.ts";
import { writeIjbLists } from "../../../tools/bench/ijb_lists.ts";
import { withFolder } from "../../temporary_folder.ts";

Deno.test("writeIjbLists() makes a benchmark whose subjects are told apart", () =>
  withFolder((folder) => {
    const { images, templates, pairs } = writeIjbLists(folder, 0.002);
    assert.deepEqual([images, templates, pairs], [939, 46, 31_317]);
    const set = readIjbSet("IJBC", folder, { images: false });
    assert.equal(set.names.length, images);
    assert.equal(new Set(set.templates).size, templates);
    const { verification } = evaluateIjb(set, `${folder}/features.npy`);
    assert.equal(verification.scores.length, pairs);
    assert.ok(verification.auc > 0.95 && verification.auc < 1, `AUC ${verification.auc}`);
  }));
