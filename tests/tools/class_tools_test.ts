import assert from "node:assert/strict";
import { readNpy } from "../../lib/eval/npy.ts";
import { withFolder } from "../temporary_folder.ts";
import { CLASSES, IMAGES, trainTiny, writeTinySet } from "../train/tiny_run.ts";

function tool(name: string, ...args: string[]): { code: number; out: string; error: string } {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL(`../../tools/${name}.ts`, import.meta.url).pathname, ...args],
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" },
  }).outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

function refused({ code, out, error }: { code: number; out: string; error: string }, message: RegExp): void {
  assert.match(error, message);
  assert.equal(error.match(/\n/g)?.length, 1, error);
  assert.deepEqual([code, out], [2, ""]);
}

Deno.test("a set is sampled, trained on, and its run looked at", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const set = `${folder}/set`;
    const list = `${folder}/half.txt`;
    const sampled = tool("sample_dataset", set, list, "--share", "0.5");
    assert.equal(
      sampled.out,
      `${list}: ${IMAGES / 2} of ${IMAGES} samples, of ${CLASSES} of ${CLASSES} classes\n`,
      sampled.error,
    );
    refused(tool("sample_dataset", set, list, "--share", "0.5"), /half\.txt: it exists already/);
    refused(tool("sample_dataset", set, list, "--share", "2"), /--share.*at most 1/);
    refused(tool("sample_dataset", `${folder}/none`, list, "--share", "1"), /none: no such file/);

    const { folder: run, steps, text } = await trainTiny(folder, { sample: list, endEpoch: 2 });
    assert.equal(steps, 2 * IMAGES / 2 / 8);
    assert.match(text, new RegExp(`${IMAGES / 2} images of ${CLASSES} classes`));
    const resumed = await trainTiny(folder, { resume: run, endEpoch: 3 });
    assert.equal(resumed.steps, 3 * IMAGES / 2 / 8, "the list is an option of the run");

    const all = tool("view_val", run, "--all");
    assert.match(all.out, /│ +1 │ +2 │[^]*│ +2 │ +4 │/);
    assert.doesNotMatch(tool("view_val", run).out, /│ +2 │ +4 │/);
    assert.deepEqual(JSON.parse(tool("view_val", run, "--json").out).epoch, 3);
    refused(tool("view_val", set), /val_epoch_log\.txt: no such file/);

    const centers = tool("class_centers", set, "--model", run, "--out", `${folder}/teacher`, "--batch-size", "8");
    assert.match(centers.out, new RegExp(`${CLASSES} classes x 16 of ${IMAGES} images\n$`), centers.error);
    assert.deepEqual(
      [...readNpy(`${folder}/teacher_count.npy`, { dtype: "int32" }).data],
      new Array(CLASSES).fill(IMAGES / CLASSES),
    );
    for (const kind of ["mean", "std", "direction"]) {
      assert.deepEqual(readNpy(`${folder}/teacher_${kind}.npy`).shape, [CLASSES, 16]);
    }
    refused(
      tool("class_centers", set, "--model", run, "--out", `${folder}/teacher`),
      /teacher_mean\.npy: it exists already/,
    );

    const report = tool("class_report", run, "--out", `${folder}/classes`);
    assert.match(report.out, /classes\.csv, .*classes\.html: 4 classes, bias /, report.error);
    const lines = Deno.readTextFileSync(`${folder}/classes.csv`).trimEnd().split("\n");
    assert.equal(lines.length, 1 + CLASSES);
    const [, , images, bias, margin, ...near] = lines[1].split(",").map(Number);
    assert.equal(images, IMAGES / CLASSES / 2);
    assert.ok(bias > 0 && margin >= 0.4 && near.length === 6);
    assert.match(Deno.readTextFileSync(`${folder}/classes.html`), /The 4 of most bias/);
    const own = tool("class_report", run, "--out", `${folder}/own`, "--centers", `${folder}/teacher_mean.npy`);
    assert.equal(own.code, 0, own.error);
    refused(
      tool("class_report", run, "--out", `${folder}/x`, "--centers", `${folder}/teacher_count.npy`),
      /teacher_count\.npy: expected dtype float32, found int32/,
    );
    refused(tool("class_report", set, "--out", `${folder}/x`), /hparam\.yaml: no such file/);
  }));
