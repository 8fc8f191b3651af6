import assert from "node:assert/strict";
import { launchRanks } from "../../lib/dist/launch_ranks.ts";
import { soloGroup } from "../../lib/dist/solo_group.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { takeSteps, type TogetherResult, type TogetherTask } from "./together_steps.ts";

const gpu = await startWebGPU();
const PROGRAM = new URL("./together_rank.ts", import.meta.url);

/** What each of several ranks ends with, on one adapter. */
async function ranksOf(task: TogetherTask): Promise<TogetherResult[]> {
  const seats = task.shares[0].map((_, rank) => ({ adapter: `place ${rank}` }));
  using run = launchRanks<TogetherResult>(PROGRAM, { seats, input: task, timeout: 120 });
  return await run.results;
}

/** The same steps by one rank, with the whole batches. */
function whole(task: TogetherTask): Promise<TogetherResult> {
  const shares = task.shares.map((share) => [share.reduce((a, b) => a + b)]);
  return takeSteps(gpu, soloGroup(), { ...task, shares });
}

/** Rows of ranks one after the other where the classifier is divided, else what all have, which must be the same. */
function joined(ranks: readonly TogetherResult[], splitHead = false): Map<string, Float32Array> {
  return new Map(ranks[0].state.map(([name, { data }], k) => {
    const all = ranks.map(({ state }) => state[k][1].data);
    if (splitHead && /head\.(weight|center)$/.test(name)) {
      return [name, Float32Array.from(all.flatMap((one) => [...one]))];
    }
    for (const one of all) assert.deepEqual(one, data, `${name} is not the same on all ranks`);
    return [name, data];
  }));
}

function assertClose(found: Map<string, Float32Array>, expected: TogetherResult, bound: number): void {
  for (const [name, { data }] of expected.state) {
    const ours = found.get(name)!;
    assert.equal(ours.length, data.length, name);
    const most = Math.max(...data.map(Math.abs), 1e-3);
    const off = Math.max(...data.map((value, i) => Math.abs(value - ours[i]))) / most;
    assert.ok(off <= bound, `${name} is off by ${off} of its largest value`);
  }
}

const even = Array.from({ length: 20 }, () => [3, 3]);

for (
  const [name, task, bound] of [
    ["20 steps of 2 ranks", { head: "center_bias", shares: even, syncBatchNorm: true }, 2e-3],
    ["arcface", { head: "arcface", shares: even.slice(0, 5), syncBatchNorm: true }, 1e-3],
    ["shares that differ", { head: "center_bias", shares: [[3, 2], [2, 1], [2, 2]], syncBatchNorm: true }, 1e-3],
    ["two parts a step", { head: "center_bias", shares: [[4, 4], [4, 2]], syncBatchNorm: true, accumulate: 2 }, 1e-3],
    ["a divided classifier", { head: "center_bias", shares: even, syncBatchNorm: true, splitHead: true }, 2e-3],
    [
      "a classifier divided over 3 ranks",
      { head: "center_bias", shares: [[2, 2, 2], [2, 2, 1], [2, 1, 1]], syncBatchNorm: true, splitHead: true },
      1e-3,
    ],
  ] as [string, TogetherTask, number][]
) {
  Deno.test(`ranks together are one rank with the whole batch: ${name}`, async () => {
    const ranks = await ranksOf(task);
    if (task.accumulate) return void joined(ranks, task.splitHead);
    const expected = await whole(task);
    assertClose(joined(ranks, task.splitHead), expected, bound);
    for (const [i, shares] of task.shares.entries()) {
      const all = shares.reduce((a, b) => a + b);
      const loss = ranks.reduce((sum, { losses }, rank) => sum + losses[i] * shares[rank] / all, 0);
      assert.ok(Math.abs(loss - expected.losses[i]) < 5e-3 * expected.losses[i], `loss of step ${i}`);
      for (const { margins } of ranks) {
        margins[i].forEach((value, k) => assert.ok(Math.abs(value - expected.margins[i][k]) < 1e-4));
      }
    }
  });
}
