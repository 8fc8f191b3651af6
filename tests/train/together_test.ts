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
  return takeSteps(gpu, soloGroup(), { ...task, shares, sampleRate: undefined });
}

/** What all ranks have, which must be the same; of a divided classifier, the whole. */
function joined(ranks: readonly TogetherResult[]): Map<string, Float32Array> {
  return new Map(ranks[0].state.map(([name, { data }], k) => {
    for (const { state } of ranks) assert.deepEqual(state[k][1].data, data, `${name} is not the same on all ranks`);
    return [name, data];
  }));
}

/** Length of the difference over the length of what is expected, over all parameters or all velocities. */
function errorOf(found: Map<string, Float32Array>, { state }: TogetherResult, velocities: boolean): number {
  let [error, length] = [0, 0];
  for (const [name, { data }] of state) {
    const ours = found.get(name)!;
    assert.equal(ours.length, data.length, name);
    if (name.startsWith("velocity.") !== velocities) continue;
    data.forEach((value, i) => [error, length] = [error + (value - ours[i]) ** 2, length + value ** 2]);
  }
  return Math.sqrt(error / length);
}

const together = { head: "center_bias", syncBatchNorm: true };
const twenty = Array.from({ length: 20 }, () => [8, 8]);

// Another order of the images of a batch changes 20 steps by 2e-7 and 4e-6 of the length.
for (
  const [name, task, bounds] of [
    ["20 steps, a divided classifier", { ...together, shares: twenty, splitHead: true }, [2e-6, 4e-5]],
    ["shares that differ", { ...together, shares: [[4, 3], [3, 2], [8, 8]] }, [1e-5, 1e-3]],
    // Of 71 classes 70.3: all.
    [
      "fixed margin, a sample of all classes, divided over 3",
      { ...together, head: "arcface", shares: [[3, 3, 3], [3, 2, 2]], splitHead: true, sampleRate: 0.99 },
      [1e-5, 1e-3],
    ],
  ] as [string, TogetherTask, [number, number]][]
) {
  Deno.test(`ranks together are one rank with the whole batch: ${name}`, async () => {
    const [ranks, expected] = [await ranksOf(task), await whole(task)];
    const found = joined(ranks);
    const errors = [false, true].map((velocities) => errorOf(found, expected, velocities));
    errors.forEach((error, k) => assert.ok(error < bounds[k], `parameters and velocities are off by ${errors}`));
    for (const [i, shares] of task.shares.entries()) {
      const all = shares.reduce((a, b) => a + b);
      const loss = ranks.reduce((sum, { losses }, rank) => sum + losses[i] * shares[rank] / all, 0);
      assert.ok(Math.abs(loss - expected.losses[i]) < 1e-4 * expected.losses[i], `loss of step ${i}`);
      assert.equal(ranks.reduce((sum, { right }) => sum + right[i], 0), expected.right[i]);
      for (const { margins } of ranks) {
        margins[i].forEach((value, k) => assert.ok(Math.abs(value - expected.margins[i][k]) < 1e-5));
      }
    }
  });
}

Deno.test("ranks that sample classes: whole, divided and alone they agree on what took part, or are alike", async () => {
  const task = { head: "center_bias", shares: [[4, 4]], syncBatchNorm: true, sampleRate: 0.3 };
  const expected = await takeSteps(gpu, soloGroup(), { ...task, shares: [[8]] });
  const found = joined(await ranksOf(task));
  const errors = [false, true].map((velocities) => errorOf(found, expected, velocities));
  assert.ok(errors[0] < 1e-5 && errors[1] < 1e-3, `off by ${errors}`);
  const divided = await ranksOf({ ...task, splitHead: true });
  joined(divided);
  // Each has its own sample: the loss is over another choice of classes, not another kind of number.
  divided.forEach(({ losses }) => losses.forEach((loss) => assert.ok(loss > 0.5 * expected.losses[0] && loss < 30)));
});

Deno.test("ranks agree bit for bit: batches in two parts, a rank without images, batch statistics of its own", async () => {
  const ranks = await ranksOf({ head: "center_bias", shares: [[4, 4], [1, 0]], accumulate: 2, splitHead: true });
  // Running statistics and all else are averaged.
  joined(ranks);
  assert.deepEqual([ranks[1].losses.at(-1), ranks[1].right.at(-1)], [0, 0]);
  assert.ok(ranks.every(({ losses }) => losses.every(Number.isFinite)));
});
