import assert from "node:assert/strict";
import { parseTrainOptions, type TrainOptions } from "../../lib/train/options.ts";
import { learningRate } from "../../lib/train/schedule.ts";

/** Rates at [epoch, step] with ten steps per epoch, rounded to 12 digits. */
function rates(given: Partial<TrainOptions>, positions: [number, number][], stepsPerEpoch = 10): number[] {
  const options = parseTrainOptions(given);
  return positions.map(([epoch, step]) =>
    Number(learningRate(options, { epoch, step, stepsPerEpoch }).toPrecision(12))
  );
}

Deno.test("learningRate() multi-step: divided by ten once 8, 16 and 22 epochs are finished", () => {
  assert.deepEqual(
    rates({}, [[0, 0], [7, 9], [8, 0], [15, 9], [16, 0], [21, 9], [22, 0], [24, 9]]),
    [0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001],
  );
  assert.deepEqual(rates({ lrMilestones: [] }, [[24, 9]]), [0.1]);
  assert.deepEqual(rates({ lrMilestones: [1], gamma: 0.5 }, [[0, 9], [1, 0]]), [0.1, 0.05]);
});

Deno.test("learningRate() warm-up: rises by equal steps, the last of them at the full rate", () => {
  const positions: [number, number][] = [[0, 0], [0, 1], [0, 4], [0, 9], [1, 0], [1, 9], [2, 0]];
  assert.deepEqual(rates({ lr: 0.2, warmupEpochs: 2 }, positions), [0.01, 0.02, 0.05, 0.1, 0.11, 0.2, 0.2]);
  assert.deepEqual(rates({ lr: 0.2, warmupEpochs: 0.5 }, positions), [0.04, 0.08, 0.2, 0.2, 0.2, 0.2, 0.2]);
});

Deno.test("learningRate() polynomial: falls from lr to almost nothing at the last step", () => {
  // 2 epochs of 10 steps: (1 - k/20)^2
  const options = { schedule: "polynomial", endEpoch: 2, lr: 1 } as const;
  assert.deepEqual(rates(options, [[0, 0], [0, 5], [1, 0], [1, 9]]), [1, 0.5625, 0.25, 0.0025]);
  assert.deepEqual(rates({ ...options, polyPower: 1 }, [[1, 0]]), [0.5]);
  // The first of 2 epochs warms up: (1 - k/10)^2 in the second.
  assert.deepEqual(rates({ ...options, warmupEpochs: 1 }, [[0, 0], [0, 9], [1, 0], [1, 5]]), [0.1, 1, 1, 0.25]);
  // Past the end, and with nothing after the warm-up, it stays a number.
  assert.deepEqual(rates(options, [[2, 0], [9, 0]]), [0, 0]);
  assert.deepEqual(rates({ ...options, warmupEpochs: 2 }, [[1, 9], [2, 0]]), [1, 1]);
});

Deno.test("learningRate() of an epoch of one step", () => {
  assert.deepEqual(rates({ lrMilestones: [1] }, [[0, 0], [1, 0]], 1), [0.1, 0.01]);
});
