import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import type { TrainOptions } from "../../lib/train/options.ts";
import { withFolder } from "../temporary_folder.ts";
import { outcome, trainTiny, writeTinySet } from "./tiny_run.ts";

/** Parts of a step, clipping, warm-up, two schedules' worth of rates, checkpoints of many steps. */
const MANY_DIALS: Partial<TrainOptions> = { clipGradNorm: 1, warmupEpochs: 1.5, valFirst: true, seed: 3 };

/** Trains until `step` steps are finished, then stops. */
async function trainTo(step: number, folder: string, options: Partial<TrainOptions>): Promise<string> {
  const stop = new AbortController();
  const result = await trainTiny(folder, options, {
    signal: stop.signal,
    onStep: (one) => void (one.step === step && stop.abort()),
  });
  assert.deepEqual([result.finished, result.steps], [false, step]);
  return result.folder;
}

async function refused(work: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.match(error.message, message);
    assert.ok(!error.message.includes("\n"));
    return true;
  });
}

/** Flips a bit in the middle of a file, or cuts it off there. */
function damage(path: string, how: "flip" | "cut"): void {
  const bytes = Deno.readFileSync(path);
  const middle = bytes.length >> 1;
  if (how === "flip") bytes[middle] ^= 4;
  Deno.writeFileSync(path, how === "flip" ? bytes : bytes.subarray(0, middle));
}

Deno.test("a run that is stopped and resumed is the run that was not, bit for bit", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const whole = await trainTiny(folder, MANY_DIALS);
    assert.deepEqual([whole.finished, whole.epochs, whole.steps], [true, 2, 8]);
    const { names: _names, ...expected } = outcome(whole.folder);
    // Which checkpoints are kept beside the last depends on where it was stopped.
    const same = (run: string) => {
      const { names: _names, ...found } = outcome(run);
      assert.deepEqual(found, expected);
    };

    // In the middle of an epoch, after its last step, in the next.
    const run = await trainTo(2, folder, MANY_DIALS);
    for (const step of [4, 7]) await trainTo(step, folder, { resume: run });
    const result = await trainTiny(folder, { resume: `${run}/` });
    assert.ok(result.finished);
    same(run);
    assert.deepEqual([result.validation, result.untrained, result.trainAccuracy, result.best], [
      whole.validation,
      whole.untrained,
      whole.trainAccuracy,
      whole.best,
    ]);

    // Between an epoch's end and its validation, with the checkpoint of the epoch, and before the first step.
    const early = await trainTiny(folder, MANY_DIALS, { signal: AbortSignal.abort() }).catch((error) => error);
    assert.equal(early.name, "AbortError");
    const stop = new AbortController();
    const other = await trainTiny(folder, MANY_DIALS, {
      signal: stop.signal,
      writer: { write: (text) => void (/^epoch 1\/2/.test(text) && stop.abort()), isTerminal: false },
    });
    assert.deepEqual([other.finished, other.epochs, other.validation.length], [false, 1, 0]);
    await trainTiny(folder, { resume: other.folder });
    same(other.folder);
  }));

Deno.test("the same seed gives the same losses, another one others; a run is finished once, and goes on when asked", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const options = { endEpoch: 1, seed: 4, keep: 1 };
    const [one, two, other] = [
      await trainTiny(folder, options),
      await trainTiny(folder, options),
      await trainTiny(folder, { ...options, seed: 5 }),
    ];
    assert.deepEqual(outcome(one.folder), outcome(two.folder));
    assert.notDeepEqual(outcome(one.folder).steps, outcome(other.folder).steps);

    const before = outcome(one.folder);
    const hparam = Deno.readTextFileSync(`${one.folder}/hparam.yaml`);
    const again = await trainTiny(folder, { resume: one.folder });
    assert.match(again.text, /exp1 is finished after 1 epochs, 4 steps; a larger --end-epoch would go on/);
    assert.deepEqual(again.validation, one.validation);
    assert.deepEqual(outcome(one.folder), before);
    assert.equal(Deno.readTextFileSync(`${one.folder}/hparam.yaml`), hparam);

    // Longer, it is the run that was long from the start.
    const longer = await trainTiny(folder, { resume: one.folder, endEpoch: 2 });
    assert.equal(longer.steps, 8);
    const long = await trainTiny(folder, { ...options, endEpoch: 2 });
    assert.deepEqual(outcome(one.folder), outcome(long.folder));
  }));

Deno.test("a resumed run is refused what would make it another one", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const run = await trainTo(1, folder, {});
    const before = Deno.readTextFileSync(`${run}/hparam.yaml`);
    const resume = (options: Partial<TrainOptions>) => trainTiny(folder, { resume: run, ...options });
    await refused(
      resume({ model: "mbf" }),
      /of another model: expected model iresnet18, .* found mbf; leave out --model/,
    );
    await refused(resume({ embeddingSize: 8 }), /of another model: expected embedding-size 16/);
    await refused(resume({ seed: 1 }), /expected seed 21, as the run began, found 1; leave out --seed/);
    await refused(resume({ batchSize: 4 }), /expected batchSize 8.*leave out --batch-size/);
    await refused(resume({ headType: "arcface" }), /expected headType center_bias/);
    await writeTinySet(`${folder}/larger`);
    Deno.writeTextFileSync(`${folder}/larger/property`, "5,16,16");
    await refused(resume({ data: `${folder}/larger` }), /a training set of 4 classes.*found 5; give the same --data/);
    await refused(trainTiny(folder, { resume: `${folder}/none` }), /none\/hparam\.yaml: no such file/);
    assert.equal(Deno.readTextFileSync(`${run}/hparam.yaml`), before);

    Deno.removeSync(`${run}/checkpoint_0000000001.safetensors`);
    const { text, steps } = await trainTiny(folder, { resume: run, endEpoch: 1 });
    assert.match(text, /has no checkpoint yet: it begins again/);
    assert.equal(steps, 4);
  }));

Deno.test("a damaged newest checkpoint is named and set aside, and the one before it taken", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const options = { ckptSaveSteps: 1, endEpoch: 1, keep: 3 };
    const whole = await trainTiny(folder, options);
    const run = await trainTo(3, folder, options);
    damage(`${run}/checkpoint_0000000003.safetensors`, "flip");
    damage(`${run}/checkpoint_0000000002.safetensors`, "cut");
    Deno.writeTextFileSync(`${run}/.checkpoint_0000000004.safetensors.${Deno.pid}.tmp`, "of a process that was killed");
    const { text } = await trainTiny(folder, { resume: run });
    assert.match(text, /^warning {3}Cannot read .*_0000000003\.safetensors: .*checksum.*; trying the one before it\n/);
    assert.match(text, /\nwarning {3}Cannot read .*_0000000002\.safetensors: .*/);
    assert.match(text, /goes on after step 1\n/);
    const { names, ...same } = outcome(run);
    const { names: wholeNames, ...expected } = outcome(whole.folder);
    assert.deepEqual(same, expected);
    const aside = [2, 3].map((step) => `checkpoint_000000000${step}.safetensors.damaged`);
    assert.deepEqual(names, [...wholeNames as string[], ...aside].sort());

    for (const step of [2, 3, 4]) damage(`${whole.folder}/checkpoint_000000000${step}.safetensors`, "cut");
    await refused(trainTiny(folder, { resume: whole.folder }), /expected a whole checkpoint, found 3, all damaged/);
  }));
