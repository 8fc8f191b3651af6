import assert from "node:assert/strict";
import { Random } from "../../lib/data/random.ts";
import { flagName } from "../../lib/train/option_table.ts";
import type { TrainOptions } from "../../lib/train/options.ts";
import { withFolder } from "../temporary_folder.ts";
import { outcome, TINY, writeTinySet } from "../train/tiny_run.ts";

const script = new URL("../../cli/train.ts", import.meta.url).pathname;

/** Without a runtime folder the software adapter's driver prints a line of its own. */
const env = { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? Deno.makeTempDirSync() };

interface Outcome {
  code: number;
  out: string;
  error: string;
}

function run(program: string, args: string[], more: Record<string, string> = {}): Outcome {
  const { code, stdout, stderr } = new Deno.Command(program, { args, env: { ...env, ...more } }).outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

const trainNow = (...args: string[]) => run(Deno.execPath(), ["run", "--quiet", "-A", script, ...args]);

/** The tiny run on the command line. */
function flags(folder: string, options: Partial<TrainOptions> = {}): string[] {
  const all = { ...TINY, data: `${folder}/set`, val: [`${folder}/set`], workDir: `${folder}/runs`, ...options };
  return Object.entries(all).flatMap(([key, value]) =>
    value === true ? [`--${flagName(key)}`] : [`--${flagName(key)}`, String(value)]
  );
}

/** A mistake is one line on standard error and exit code 2. */
function refused({ code, error }: Outcome, message: RegExp): void {
  assert.match(error, message);
  assert.match(error, /^error: [^\n]+\n$/);
  assert.equal(code, 2);
}

function linesOf(path: string): number {
  try {
    return Deno.readTextFileSync(path).split("\n").length - 1;
  } catch {
    return 0;
  }
}

const pause = (milliseconds: number) => new Promise((go) => setTimeout(go, milliseconds));

/** Starts training, and ends it with `signal` some time after the log has `lines` lines; says how it exited. */
async function interrupted(args: string[], log: string, lines: number, wait: number, signal: Deno.Signal) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, ...args],
    env,
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let isOver = false;
  child.status.then(() => isOver = true);
  while (!isOver && linesOf(log) < lines) await pause(5);
  await pause(wait);
  if (!isOver) child.kill(signal);
  const { code, stderr } = await child.output();
  return { code, error: new TextDecoder().decode(stderr) };
}

Deno.test("train ends with the table; killed and stopped at any moment and resumed, it ends with the same", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const args = flags(folder, { valFirst: true, ckptSaveSteps: 1, endEpoch: 2, seed: 9 });
    const whole = trainNow(...args);
    assert.deepEqual([whole.code, whole.error], [0, ""]);
    assert.match(whole.out, /^adapter {3}.*\ndata {6}.*32 images of 4 classes.*\nmodel .*\nrun .*\/centerbias\/exp1\n/);
    assert.match(whole.out, /\nverification after epoch 2, step 8\n┌.*\n│ set +│ pairs │ untrained % │ +accuracy % │/);
    assert.match(
      whole.out,
      /┘\n\ntraining accuracy {2}\d+\.\d\d %\nbest model {9}\S+best_iresnet18\.safetensors {2}\(epoch [12], step [48]: .* %\)\ntotal time {9}0:\d\d\n$/,
    );
    const { names: _names, ...expected } = outcome(`${folder}/runs/centerbias/exp1`);

    const other = `${folder}/runs/centerbias/exp2`;
    const log = `${other}/train_step_log.txt`;
    const random = new Random(11, 0);
    const signals = ["SIGKILL", "SIGTERM", "SIGKILL"] as const;
    for (const [i, signal] of signals.entries()) {
      const given = i === 0 ? args : ["--resume", other];
      const { code, error } = await interrupted(given, log, 1 + 2 * i, random.below(150), signal);
      if (signal === "SIGKILL") assert.notEqual(code, 130);
      else {
        assert.equal(code, 130, error);
        assert.match(
          error,
          /^stopping after this step; once more stops at once\nstopped after step \d; go on with: train --resume \S+exp2\n$/,
        );
      }
    }
    const end = trainNow("--resume", other);
    assert.deepEqual([end.code, end.error], [0, ""]);
    const { names, ...found } = outcome(other);
    assert.deepEqual(found, expected);
    assert.deepEqual((names as string[]).filter((name) => name.endsWith(".tmp")), []);

    const again = trainNow("--resume", other);
    assert.equal(again.code, 0);
    assert.match(again.out, /exp2 is finished after 2 epochs, 8 steps; a larger --end-epoch would go on\n/);
    assert.match(again.out, /verification after epoch 2, step 8\n┌/);
  }));

Deno.test("train refuses a run that another process is at work on, and keeps its checkpoints on a full disk", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    const first = `${folder}/runs/centerbias/exp1`;
    const args = flags(folder, { endEpoch: 1000, ckptSaveSteps: 2, valFreq: 1000 });
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", script, ...args],
      env,
      stdout: "null",
      stderr: "null",
    }).spawn();
    while (linesOf(`${first}/train_step_log.txt`) < 3) await pause(20);
    refused(
      trainNow("--resume", first),
      /exp1: another process is at work there; wait for its end, or stop it first$/m,
    );
    child.kill("SIGINT");
    assert.equal((await child.status).code, 130);

    // A limit on the size of files stands for a full disk: the checkpoint is over it, the logs are not.
    const kept = [...Deno.readDirSync(first)].map(({ name }) => name).filter((name) => name.startsWith("checkpoint_"));
    const limited = (limit: string) =>
      run("sh", ["-c", `${limit} && exec "$0" run -A "$@"`, Deno.execPath(), script, "--resume", first]);
    refused(limited("ulimit -f 256"), /Cannot write .*exp1\/checkpoint_\d+\.safetensors: .*limit/);
    const now = [...Deno.readDirSync(first)].map(({ name }) => name);
    assert.deepEqual(now.filter((name) => name.startsWith("checkpoint_")), kept);
    assert.deepEqual(now.filter((name) => name.endsWith(".tmp")), []);
    const steps = Number(/(\d+)\.safetensors/.exec(kept.sort().at(-1)!)![1]);
    const more = trainNow("--resume", first, "--max-steps", String(steps + 1));
    assert.match(more.out, new RegExp(`goes on after step ${steps}\\n`));
    assert.equal(more.code, 0);
  }));

Deno.test("train says mistakes in one line, with exit code 2", () =>
  withFolder(async (folder) => {
    await writeTinySet(`${folder}/set`);
    refused(trainNow("--batchsize", "8"), /--batchsize.*did you mean --batch-size\?/);
    refused(
      trainNow("--data", `${folder}/none`),
      /Cannot open training set .*none: no such file or folder; check the path/,
    );
    refused(trainNow("--resume", `${folder}/none`), /none\/hparam\.yaml: no such file or folder/);
    refused(trainNow("--work-dir", `${folder}/set/property`), /Cannot .*property.*: /);
    refused(
      trainNow(...flags(folder, { workDir: "/proc/nowhere" })),
      /Cannot make the run's folder in \/proc\/nowhere/,
    );
    refused(trainNow(...flags(folder, { lr: 1e30, endEpoch: 3 })), /found NaN at step \d .* the batch is key \d+/);
    const nowhere = { VK_ICD_FILENAMES: "/nowhere", VK_DRIVER_FILES: "/nowhere", DENO_WEBGPU_BACKEND: "vulkan" };
    refused(
      run(Deno.execPath(), ["run", "--quiet", "-A", script, ...flags(folder)], nowhere),
      /Cannot start WebGPU: .* found none; install .*: apt-get install mesa-vulkan-drivers libvulkan1$/m,
    );
  }));
