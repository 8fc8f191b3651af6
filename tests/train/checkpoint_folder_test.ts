import assert from "node:assert/strict";
import {
  checkpointNames,
  checkpointPath,
  newestCheckpoint,
  pruneCheckpoints,
} from "../../lib/train/checkpoint_folder.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("checkpoints are numbered by step, and the oldest removed", () =>
  withFolder((folder) => {
    assert.deepEqual(checkpointNames(folder), []);
    assert.equal(newestCheckpoint(folder, assert.fail), undefined);
    for (const step of [12345678901, 7, 9999999999, 100]) Deno.writeTextFileSync(checkpointPath(folder, step), "");
    for (const name of ["best_x.safetensors", "checkpoint_0000000200.safetensors.damaged", "checkpoint_.safetensors"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    assert.deepEqual(
      checkpointNames(folder),
      ["0000000007", "0000000100", "9999999999", "12345678901"].map((n) => `checkpoint_${n}.safetensors`),
    );
    pruneCheckpoints(folder, 9);
    assert.equal(checkpointNames(folder).length, 4);
    pruneCheckpoints(folder, 1);
    assert.deepEqual(checkpointNames(folder), ["checkpoint_12345678901.safetensors"]);
    assert.equal([...Deno.readDirSync(folder)].length, 4);
    assert.throws(() => checkpointNames(`${folder}/none`), /Cannot resume the run in .*none: no such file or folder/);
  }));

Deno.test("newestCheckpoint() names every damaged file and touches none of them when all are", () =>
  withFolder((folder) => {
    for (const step of [1, 2]) Deno.writeTextFileSync(checkpointPath(folder, step), "x".repeat(step * 40));
    const warnings: string[] = [];
    assert.throws(
      () => newestCheckpoint(folder, (text) => warnings.push(text)),
      /expected a whole checkpoint, found 2, all damaged/,
    );
    assert.deepEqual(warnings.map((text) => /_0+(\d)\.safetensors/.exec(text)?.[1]), ["2", "1"]);
    assert.equal(checkpointNames(folder).length, 2);
  }));
