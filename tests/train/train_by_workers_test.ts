import assert from "node:assert/strict";
import { Random } from "../../lib/data/random.ts";
import { GroupFailure } from "../../lib/dist/group_failure.ts";
import { launchRanks } from "../../lib/dist/launch_ranks.ts";
import { InputError } from "../../lib/errors.ts";
import { checkpointNames, newestCheckpoint } from "../../lib/train/checkpoint_folder.ts";
import { parseTrainOptions, type TrainOptions } from "../../lib/train/options.ts";
import { flagName } from "../../lib/train/option_table.ts";
import { selectAdapter } from "../../lib/gpu/select_adapter.ts";
import { makeSoftwareAdapters, noSoftwareAdapters } from "../gpu/software_adapters.ts";
import { noMpi } from "../dist/mpi_job.ts";
import { mpirun } from "../../tools/mpirun.ts";
import { COMMAND_ENV, commandOf, commandPath } from "../cli/run_command.ts";
import { withFolder } from "../temporary_folder.ts";
import type { DyingInput } from "./dying_worker.ts";
import { IMAGES, outcome, TINY, trainTiny, writeTinySet } from "./tiny_run.ts";

const readLines = (path: string) => Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line));
const stepLosses = (run: string) =>
  readLines(`${run}/train_step_log.txt`).map(({ total_loss }) => total_loss as number);

/** Options as a command line has them. */
function flagsOf(options: Partial<TrainOptions>): string[] {
  return Object.entries(options).flatMap(([key, value]) => [`--${flagName(key)}`, `${value}`]);
}

/** Two workers on the adapter there is. */
const TWO: Partial<TrainOptions> = { workersPerAdapter: 2, accumulate: 1 };

Deno.test("workers train on the batches that one would, and log what they come to together", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const small = { lr: 1e-4, endEpoch: 1, accumulate: 1 };
    const alone = await trainTiny(folder, small);
    const losses = stepLosses(alone.folder);
    const two = await trainTiny(folder, { ...TWO, ...small, syncBn: true });
    assert.match(two.text, /\nworkers {3}2: \S.*; averaged after each step/);
    assert.match(two.text, /workers [\d.]+ \+ [\d.]+ images\/s {2}averaging \d+ %/);
    const found = stepLosses(two.folder);
    assert.equal(found.length, losses.length);
    found.forEach((loss, i) => assert.ok(Math.abs(loss - losses[i]) < 2e-3 * losses[i], `${found} for ${losses}`));
    assert.deepEqual([two.finished, two.epochs, two.steps], [true, 1, 4]);
    const [{ samples }] = readLines(`${two.folder}/train_epoch_log.txt`);
    assert.equal(samples, IMAGES);
    assert.deepEqual(two.validation.map(({ name }) => name), ["pairs"]);
  }));

Deno.test("a run of two workers that is stopped and resumed is the run that was not; it goes on on 3 and on 1", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const dials = { ...TWO, splitHead: true, keep: 9 };
    const whole = await trainTiny(folder, dials);
    const stopAt = async (step: number, options: Partial<TrainOptions>) => {
      const stop = new AbortController();
      const result = await trainTiny(folder, options, {
        signal: stop.signal,
        onStep: (one) => void (one.step === step && stop.abort()),
      });
      return { ...result, steps: result.steps };
    };
    const begun = await stopAt(2, dials);
    assert.ok(!begun.finished && begun.steps >= 2 && begun.steps < 8, `${begun.steps}`);
    await trainTiny(folder, { resume: begun.folder });
    const [{ names: _a, ...found }, { names: _b, ...expected }] = [outcome(begun.folder), outcome(whole.folder)];
    assert.deepEqual(found, expected);

    const other = await stopAt(1, dials);
    const three = await stopAt(other.steps + 1, { resume: other.folder, workersPerAdapter: 3 });
    const end = await trainTiny(folder, { resume: other.folder, workersPerAdapter: 1, splitHead: false });
    assert.ok(three.steps > other.steps);
    assert.deepEqual([end.finished, end.steps], [true, 8]);
    assert.deepEqual(readLines(`${other.folder}/train_epoch_log.txt`).map(({ samples }) => samples), [IMAGES, IMAGES]);
  }));

Deno.test("workers that average every few steps are alike where they end, and learn as those that always do", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const dials = { ...TWO, endEpoch: 6, lrMilestones: [5], margin: 0.1 };
    const [each, every] = [
      await trainTiny(folder, dials),
      await trainTiny(folder, { ...dials, syncEvery: 4, syncWarmup: 6 }),
    ];
    assert.match(every.text, /averaged every 4 steps, in the first 6 after each/);
    const [a, b] = [each, every].map(({ folder }) => readLines(`${folder}/train_epoch_log.txt`).at(-1));
    assert.ok(
      b.total_loss < 1.5 * a.total_loss && b.total_loss < 0.8 * stepLosses(every.folder)[0],
      `${a.total_loss}, ${b.total_loss}`,
    );
    // The accuracy that both reach on these few pairs.
    assert.ok(Math.abs(each.best!.accuracy - every.best!.accuracy) < 0.1);
  }));

Deno.test("options of workers that cannot be are refused in one line", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    for (
      const [options, message] of [
        [{ adapters: "77" }, /Cannot choose adapters by "77"/],
        [{ workersPerAdapter: 2, splitHead: true, syncEvery: 2 }, /Cannot use option splitHead with syncEvery 2/],
        [{ workersPerAdapter: 9 }, /a batch size of 9 or more, one for each of 9 workers, found 8/],
      ] as [Partial<TrainOptions>, RegExp][]
    ) {
      await assert.rejects(trainTiny(folder, { ...TWO, ...options }), (error) => {
        assert.ok(error instanceof InputError, String(error));
        assert.match(error.message, message);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    }
  }));

Deno.test({
  name: `--adapters all trains on two adapters by two drivers, and each worker says which it has${noSoftwareAdapters}`,
  ignore: noSoftwareAdapters !== "",
  fn: () =>
    withFolder(async (folder) => {
      await writeTinySet(`${folder}/set`);
      const restore = selectAdapter(makeSoftwareAdapters(folder));
      try {
        const result = await trainTiny(folder, { adapters: "all", accumulate: 1, val: [], maxSteps: 2 });
        assert.match(result.text, /\nworkers {3}2: llvmpipe/);
        assert.deepEqual([result.finished, result.steps], [true, 2]);
      } finally {
        restore();
      }
    }),
});

Deno.test({
  name: "Ctrl-C reaches every worker, and the run is saved once",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      await writeTinySet(`${folder}/set`);
      const flags = flagsOf({ ...TINY, ...TWO, endEpoch: 500, data: `${folder}/set`, workDir: `${folder}/runs` });
      const child = commandOf("train", flags).spawn();
      const place = `${folder}/runs/centerbias/exp1`;
      const isAtWork = () => {
        try {
          return readLines(`${place}/train_step_log.txt`).length > 2;
        } catch {
          return false;
        }
      };
      for (let i = 0; i < 600 && !isAtWork(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
      child.kill("SIGINT");
      const { code, stderr } = await child.output();
      const said = new TextDecoder().decode(stderr);
      assert.equal(code, 130, said);
      const [, step] = /stopped after step (\d+); go on with: train --resume/.exec(said)!;
      assert.equal(newestCheckpoint(place, (text) => assert.fail(text))!.state.step, Number(step));
    }),
});

/** Runs that are made to fail: few in a suite, more by CENTERBIAS_KILLS. */
const KILLS = Number(Deno.env.get("CENTERBIAS_KILLS") ?? 3);

Deno.test("a worker that dies at any moment ends the run at once, by name; the last checkpoint is whole, and the run goes on", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const random = new Random(9, KILLS);
    for (let i = 0; i < KILLS; i++) {
      const given = {
        ...TINY,
        ...TWO,
        val: [],
        ckptSaveSteps: 1,
        data: `${folder}/set`,
        workDir: `${folder}/runs`,
        endEpoch: 500,
        expNum: i,
      };
      const input: DyingInput = {
        options: parseTrainOptions(given),
        rank: random.below(2),
        how: (["device", "exit", "error"] as const)[i % 3],
        after: random.below(1500),
      };
      using run = launchRanks(new URL("./dying_worker.ts", import.meta.url), {
        seats: [{ adapter: "first" }, { adapter: "second" }],
        input,
        timeout: 20,
      });
      await assert.rejects(run.results, (error) => {
        assert.ok(error instanceof GroupFailure && error.rank === input.rank, `${JSON.stringify(input)}: ${error}`);
        return true;
      });
      const place = `${folder}/runs/centerbias/exp${i}`;
      const warnings: string[] = [];
      // None, where it died before the first was there.
      const step = newestCheckpoint(place, (text) => warnings.push(text))?.state.step ?? 0;
      assert.deepEqual(warnings, []);
      const workersPerAdapter = 1 + i % 3;
      const more = await trainTiny(folder, { resume: place, workersPerAdapter, maxSteps: step + 2 });
      assert.deepEqual([more.finished, more.steps], [true, step + 2]);
    }
  }));

Deno.test({
  name: `two processes of mpirun train as two workers do; one that is killed ends both${noMpi}`,
  ignore: noMpi !== "",
  fn: () =>
    withFolder(async (folder) => {
      await writeTinySet(`${folder}/set`);
      const two = await trainTiny(folder, { ...TWO, val: [], endEpoch: 1 });
      const flags = flagsOf({ ...TINY, ...TWO, endEpoch: 1 });
      const args = ["--data", `${folder}/set`, "--work-dir", `${folder}/runs`, "--dist", "mpi", "--adapters", "0"];
      const train = new URL(`file://${commandPath("train")}`);
      const job = (...more: string[]) => mpirun(2, train, [...args, ...flags, ...more], COMMAND_ENV);
      const { code, stdout, stderr } = await job().output();
      const text = new TextDecoder().decode(stdout);
      assert.equal(code, 0, text + new TextDecoder().decode(stderr));
      assert.match(text, /\nworkers {3}2: /);
      assert.equal(text.match(/^run {7}/gm)?.length, 1);
      assert.deepEqual(stepLosses(`${folder}/runs/centerbias/exp2`), stepLosses(two.folder));

      const long = job("--end-epoch", "500", "--ckpt-save-steps", "1").spawn();
      const place = `${folder}/runs/centerbias/exp3`;
      const ranksOf = () => {
        const { stdout } = new Deno.Command("pgrep", { args: ["-f", `^${Deno.execPath()} .*${folder}/set`] })
          .outputSync();
        return new TextDecoder().decode(stdout).trim().split("\n").map(Number);
      };
      const exists = () => {
        try {
          return checkpointNames(place).length > 0;
        } catch {
          return false;
        }
      };
      for (let i = 0; i < 600 && !exists(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
      Deno.kill(ranksOf().at(-1)!, "SIGKILL");
      const { success } = await long.output();
      assert.ok(!success);
      assert.ok(newestCheckpoint(place, (text) => assert.fail(text))!.state.step > 0);
    }),
});
