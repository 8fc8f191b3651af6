import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { parseTrainOptions, type TrainOptions } from "../../lib/train/options.ts";
import { readOptionsFile } from "../../lib/train/options_file.ts";
import { RunLog } from "../../lib/train/run_log.ts";

/** Runs `body` with options whose runs are kept in a temporary folder. */
function withOptions(given: Partial<TrainOptions>, body: (options: TrainOptions, series: string) => void): void {
  const workDir = Deno.makeTempDirSync();
  try {
    body(parseTrainOptions({ workDir, prefix: "trial", ...given }), `${workDir}/trial`);
  } finally {
    Deno.removeSync(workDir, { recursive: true });
  }
}

/** Two epochs of three steps, validated on two sets. */
function fill(log: RunLog): void {
  for (let epoch = 1; epoch <= 2; epoch++) {
    const step = epoch * 3;
    log.step([{ epoch, step: step - 2, total_loss: 1 }, { epoch, step: step - 1, total_loss: 1 }]);
    log.step([{ epoch, step, total_loss: 1 }]);
    log.epoch({ epoch, step, total_loss: 1 });
    log.validation([{ epoch, step, name: "a", accuracy: 0.9 }, { epoch, step, name: "b", accuracy: 0.8 }]);
  }
}

function column(folder: string, log: string, name: string): unknown[] {
  const text = Deno.readTextFileSync(`${folder}/${log}`);
  assert.ok(text === "" || text.endsWith("\n"));
  return text.split("\n").filter(Boolean).map((line) => JSON.parse(line)[name]);
}

Deno.test("RunLog.create() takes the next free number, or the one asked for if it is free", () => {
  withOptions({}, (options, series) => {
    RunLog.create(options).close();
    RunLog.create(options).close();
    Deno.mkdirSync(`${series}/exp7`);
    Deno.mkdirSync(`${series}/experiment9`);
    using log = RunLog.create(options);
    assert.equal(log.folder, `${series}/exp8`);
    assert.equal(readOptionsFile(`${log.folder}/hparam.yaml`).expNum, 8);
    using asked = RunLog.create({ ...options, expNum: 3 });
    assert.equal(asked.folder, `${series}/exp3`);
    assert.throws(
      () => RunLog.create({ ...options, expNum: 7 }),
      (error) => error instanceof InputError && /exp7: it is there already; give --resume/.test(error.message),
    );
  });
});

Deno.test("RunLog.create() says why a folder cannot be made", () => {
  withOptions({}, (options) => {
    Deno.writeTextFileSync(`${options.workDir}/trial`, "a file");
    assert.throws(() => RunLog.create(options), InputError);
  });
  if (Deno.build.os === "linux") {
    assert.throws(() => RunLog.create(parseTrainOptions({ workDir: "/proc/nowhere" })), InputError);
  }
});

Deno.test("RunLog writes JSON lines and result.json; numbers that are none stay readable", () => {
  withOptions({}, (options) => {
    using log = RunLog.create(options);
    fill(log);
    log.step([{ epoch: 3, step: 7, total_loss: NaN, grad: -Infinity }]);
    assert.deepEqual(column(log.folder, "train_step_log.txt", "step"), [1, 2, 3, 4, 5, 6, 7]);
    assert.deepEqual(column(log.folder, "train_step_log.txt", "total_loss").at(-1), "NaN");
    assert.deepEqual(column(log.folder, "train_epoch_log.txt", "epoch"), [1, 2]);
    assert.deepEqual(column(log.folder, "val_epoch_log.txt", "name"), ["a", "b", "a", "b"]);
    log.result({ accuracy: 0.9 });
    log.result({ accuracy: 0.95 });
    assert.deepEqual(JSON.parse(Deno.readTextFileSync(`${log.folder}/result.json`)), { accuracy: 0.95 });
    const names = [...Deno.readDirSync(log.folder)].map(({ name }) => name).sort();
    assert.deepEqual(names, [
      "hparam.yaml",
      "result.json",
      "train_epoch_log.txt",
      "train_step_log.txt",
      "val_epoch_log.txt",
    ]);
  });
});

Deno.test("RunLog.resume() cuts off what was logged after the checkpoint, so that no line comes twice", () => {
  withOptions({}, (options) => {
    using first = RunLog.create(options);
    fill(first);
    first.close();
    // Killed in the middle of a line.
    Deno.writeTextFileSync(`${first.folder}/train_step_log.txt`, '{"epoch":3,"st', { append: true });
    using again = RunLog.resume({ ...options, resume: `${first.folder}/`, endEpoch: 99 }, {
      step: 4,
      epoch: 1,
      validated: 3,
    });
    assert.equal(again.folder, first.folder);
    again.step([{ epoch: 2, step: 5 }]);
    assert.deepEqual(column(first.folder, "train_step_log.txt", "step"), [1, 2, 3, 4, 5]);
    assert.deepEqual(column(first.folder, "train_epoch_log.txt", "epoch"), [1]);
    assert.deepEqual(column(first.folder, "val_epoch_log.txt", "epoch"), [1, 1]);
    const options2 = readOptionsFile(`${first.folder}/hparam.yaml`);
    assert.equal(options2.endEpoch, 99);
    assert.equal(options2.resume, undefined);
  });
});

Deno.test("RunLog.resume() cuts off validations that came after the checkpoint of their epoch", () => {
  withOptions({}, (options) => {
    using first = RunLog.create(options);
    fill(first);
    first.close();
    RunLog.resume({ ...options, resume: first.folder }, { step: 6, epoch: 2, validated: 3 }).close();
    assert.deepEqual(column(first.folder, "train_epoch_log.txt", "epoch"), [1, 2]);
    assert.deepEqual(column(first.folder, "val_epoch_log.txt", "epoch"), [1, 1]);
  });
});

Deno.test("RunLog.resume() of a finished run leaves its options, and of one without a checkpoint no line", () => {
  withOptions({}, (options) => {
    using first = RunLog.create(options);
    fill(first);
    first.close();
    const before = Deno.readTextFileSync(`${first.folder}/hparam.yaml`);
    const resume = { ...options, resume: first.folder, endEpoch: 1 };
    RunLog.resume(resume, { step: 6, epoch: 2, validated: 6, finished: true }).close();
    assert.equal(Deno.readTextFileSync(`${first.folder}/hparam.yaml`), before);
    assert.equal(column(first.folder, "val_epoch_log.txt", "epoch").length, 4);
    RunLog.resume(resume, { step: 0, epoch: 0, validated: undefined }).close();
    for (const log of ["train_step_log.txt", "train_epoch_log.txt", "val_epoch_log.txt"]) {
      assert.equal(Deno.statSync(`${first.folder}/${log}`).size, 0);
    }
  });
});

Deno.test("RunLog.resume() keeps whole logs, reads long ones in parts, and drops an unfinished last line", () => {
  withOptions({}, (options) => {
    using first = RunLog.create(options);
    const filler = "x".repeat(1000);
    for (let step = 1; step <= 300; step++) first.step([{ epoch: 1, step, filler }]);
    first.close();
    const path = `${first.folder}/train_step_log.txt`;
    Deno.writeTextFileSync(path, '{"epoch":1,"step":301}', { append: true });
    RunLog.resume({ ...options, resume: first.folder }, { step: 999, epoch: 9, validated: 999 }).close();
    assert.equal(column(first.folder, "train_step_log.txt", "step").length, 300);
    Deno.writeTextFileSync(path, "\u0000\u0000\nrubbish\n", { append: true });
    RunLog.resume({ ...options, resume: first.folder }, { step: 250, epoch: 9, validated: 250 }).close();
    assert.equal(column(first.folder, "train_step_log.txt", "step").at(-1), 250);
    // Without line ends it is none of ours.
    Deno.writeFileSync(path, new Uint8Array(3 << 20));
    RunLog.resume({ ...options, resume: first.folder }, { step: 250, epoch: 9, validated: 250 }).close();
    assert.equal(Deno.statSync(path).size, 0);
  });
});

Deno.test("RunLog.resume() says what it misses", () => {
  withOptions({}, (options, series) => {
    assert.throws(
      () => RunLog.resume(options, { step: 0, epoch: 0, validated: undefined }),
      /expected its folder in option resume/,
    );
    assert.throws(
      () => RunLog.resume({ ...options, resume: series }, { step: 0, epoch: 0, validated: undefined }),
      /Cannot resume .*no such/,
    );
  });
});

Deno.test("RunLog with noLog keeps hparam.yaml and result.json only", () => {
  withOptions({ noLog: true }, (options) => {
    using log = RunLog.create(options);
    fill(log);
    log.result({});
    assert.deepEqual([...Deno.readDirSync(log.folder)].map(({ name }) => name).sort(), ["hparam.yaml", "result.json"]);
  });
});
