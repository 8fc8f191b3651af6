import assert from "node:assert/strict";
import { findPairSets } from "../../lib/data/find_pair_sets.ts";
import { InputError } from "../../lib/errors.ts";
import { withFolder } from "../temporary_folder.ts";

function refused(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => error instanceof InputError && message.test(error.message));
}

Deno.test("findPairSets() takes files as they are and the .bin files of folders, by name", () =>
  withFolder((folder) => {
    for (const name of ["b.bin", "a.bin", "train.rec"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
    Deno.mkdirSync(`${folder}/c.bin`);
    assert.deepEqual(findPairSets([`${folder}/train.rec`, `${folder}/`]), [
      `${folder}/train.rec`,
      `${folder}/a.bin`,
      `${folder}/b.bin`,
    ]);
    refused(
      () => findPairSets([`${folder}/none`]),
      /none: expected a \.bin file or a folder of them, found nothing there/,
    );
    refused(() => findPairSets([`${folder}/c.bin`]), /expected \.bin files, found none/);
  }));
