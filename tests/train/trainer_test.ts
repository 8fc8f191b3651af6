import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { loadModel } from "../../lib/model/load_model.ts";
import type { TrainOptions } from "../../lib/train/options.ts";
import { withFolder } from "../temporary_folder.ts";
import { CLASSES, IMAGES, tinyImages, trainTiny, writeTinySet } from "./tiny_run.ts";

async function refusal(work: Promise<unknown>): Promise<string> {
  let text = "";
  await assert.rejects(work, (error) => {
    assert.ok(error instanceof InputError, String(error));
    text = error.message;
    assert.ok(!text.includes("\n"), text);
    return true;
  });
  return text;
}

const readLines = (path: string) => Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));

Deno.test("train() learns, validates every valFreq epochs and after the last, and leaves a run's folder", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const result = await trainTiny(folder, {
      endEpoch: 5,
      valFreq: 2,
      lrMilestones: [],
      lr: 0.1,
      margin: 0.1,
      keep: 1,
      logEvery: 3,
    });
    const { text, trainAccuracy, validation, best, model, seconds } = result;
    const epochs = readLines(`${result.folder}/train_epoch_log.txt`);
    assert.ok(epochs[4].total_loss < 0.8 * epochs[0].total_loss, `losses ${epochs.map((one) => one.total_loss)}`);
    assert.equal(trainAccuracy, epochs[4].train_accuracy);
    assert.deepEqual(validation.map(({ name }) => name), ["pairs"]);
    const validated = readLines(`${result.folder}/val_epoch_log.txt`);
    assert.deepEqual(validated.map(({ epoch, step, set }) => [epoch, step, set]), [
      [2, 8, "pairs"],
      [4, 16, "pairs"],
      [5, 20, "pairs"],
    ]);
    const { epoch, step, accuracy } = validated.reduce((top, one) => one.accuracy > top.accuracy ? one : top);
    assert.deepEqual(best, { accuracy, epoch, step });
    const steps = readLines(`${result.folder}/train_step_log.txt`);
    assert.deepEqual(steps.map(({ step }) => step), [3, 6, 9, 12, 15, 18]);
    assert.match(text, /\nepoch 5\/5 {2}loss \d+\.\d{4} {2}training accuracy \d+\.\d\d % {2}0:\d\d so far\n/);
    assert.match(text, /\nepoch 5\/5 {2}verification {2}pairs \d+\.\d\d %/);
    assert.ok(seconds > 0);
    assert.deepEqual([...Deno.readDirSync(result.folder)].map(({ name }) => name).sort(), [
      ".lock",
      "best_iresnet18.safetensors",
      "checkpoint_0000000020.safetensors",
      "hparam.yaml",
      "kernels.json",
      "result.json",
      "train_epoch_log.txt",
      "train_step_log.txt",
      "val_epoch_log.txt",
    ]);
    const json = JSON.parse(Deno.readTextFileSync(`${result.folder}/result.json`));
    assert.deepEqual([json.finished, json.epochs, json.steps, json.model, json.seed], [true, 5, 20, model, 21]);
    assert.deepEqual(json.dataset, {
      name: `${folder}/set`,
      images: IMAGES,
      classes: CLASSES,
      corrupt: 0,
      corrupt_images: [],
    });

    using loaded = await loadModel(result.folder);
    assert.equal(loaded.path, model);
    const embeddings = await loaded.embed(await tinyImages(4), { batchSize: 4 });
    assert.ok(embeddings.length === 64 && embeddings.every(Number.isFinite));
  }));

Deno.test("a loss that is not finite stops the run; the last good checkpoint can be resumed", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const { folder: run } = await trainTiny(folder, { endEpoch: 1 });
    const before = Deno.readFileSync(`${run}/checkpoint_0000000004.safetensors`);
    const message = await refusal(trainTiny(folder, { resume: run, endEpoch: 2, lr: 1e25, logEvery: 50 }));
    assert.match(
      message,
      /: expected a finite loss, found NaN at step [67] with learning rate 1e\+24; the batch is key \d+, .*; checkpoints from before it are kept/,
    );
    assert.equal(message.match(/key \d+/g)?.length, 8);
    assert.deepEqual(Deno.readFileSync(`${run}/checkpoint_0000000004.safetensors`), before);
    const { finished, steps } = await trainTiny(folder, { resume: run, lr: 0.02 });
    assert.deepEqual([finished, steps], [true, 8]);

    // Weights that are infinite already when the checkpoint is written, while the loss still was not.
    const large = await refusal(trainTiny(folder, { lr: 1e39, ckptSaveSteps: 1, warmupEpochs: 0 }));
    assert.match(
      large,
      /Cannot write .*_0000000001\.safetensors: expected finite weights, found .* in \S+ \(value \d+\) after step 1; nothing/,
    );
    assert.deepEqual([...Deno.readDirSync(`${folder}/runs/centerbias/exp2`)].map(({ name }) => name).sort(), [
      ".lock",
      "hparam.yaml",
      "kernels.json",
      "train_step_log.txt",
    ]);
  }));

Deno.test("train() without validation sets keeps the newest model; images of another size are resized", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const large = await tinyImages(IMAGES, 40);
    await writeTinySet(`${folder}/large`, (record) => void (record.image = large[record.id]));
    const { model, best, validation, text } = await trainTiny(folder, {
      data: `${folder}/large`,
      val: [],
      endEpoch: 1,
      noLog: true,
    });
    assert.deepEqual([best, validation], [undefined, []]);
    assert.ok(Deno.statSync(model!).isFile);
    assert.doesNotMatch(text, /verification/);
  }));

Deno.test("train() says in one line what is wrong with its input, and makes no run", () =>
  withFolder(async (folder) => {
    const set = `${folder}/set`;
    await writeTinySet(set);
    const refused = (options: Partial<TrainOptions>) => refusal(trainTiny(folder, options));
    const variant = async (name: string, change: (folder: string) => void) => {
      await writeTinySet(`${folder}/${name}`);
      change(`${folder}/${name}`);
      return refused({ data: `${folder}/${name}` });
    };
    assert.match(await refused({ data: `${folder}/none` }), /Cannot open training set .*none: no such file/);
    assert.match(
      await refused({ val: [`${folder}/none.bin`] }),
      /Cannot open verification set .*none\.bin: .* found nothing/,
    );
    assert.match(
      await variant("empty", (path) => Deno.writeFileSync(`${path}/train.rec`, new Uint8Array())),
      /empty\/train\.(rec|idx).*/,
    );
    assert.match(
      await variant("magic", (path) => {
        Deno.writeFileSync(`${path}/train.rec`, new Uint8Array(4096).fill(7));
        Deno.removeSync(`${path}/train.idx`);
      }),
      /magic\/train\.rec.*expected magic 0xced7230a, found 0x07070707/,
    );
    assert.match(
      await variant("zero", (path) => Deno.writeTextFileSync(`${path}/property`, "0,16,16")),
      /zero\/property: .*found zero classes/,
    );
    assert.match(await refused({ batchSize: 64 }), /a batch of 64 images, found 32; use a batch size of 32 or less/);
    assert.match(await refused({ workDir: `${set}/train.rec` }), /Cannot make the run's folder in .*train\.rec/);
    assert.throws(() => Deno.statSync(`${folder}/runs`), Deno.errors.NotFound);

    // What is only seen when it is read comes from the run.
    const labels = (path: string) => Deno.writeTextFileSync(`${path}/property`, "3,16,16");
    assert.match(await variant("labels", labels), /key \d+ to have a label from 0 to 2 \(3 classes\), found 3/);
    const broken = (record: { id: number; image: Uint8Array }) => {
      if (record.id === 7) record.image = record.image.subarray(0, 60);
    };
    await writeTinySet(`${folder}/corrupt`, broken);
    assert.match(
      await refused({ data: `${folder}/corrupt` }),
      /corrupt: expected at most 1 % corrupt images, found 1 of 32: key 7 \(.*\)/,
    );
  }));
