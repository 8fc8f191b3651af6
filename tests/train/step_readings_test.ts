import assert from "node:assert/strict";
import { StepReadings } from "../../lib/train/step_readings.ts";
import type { StepMetrics, TrainingStep } from "../../lib/train/training_step.ts";

/** A training step that hands out `loss` 1, 2, 3 … for as many steps as `pending` says. */
function fakeStep() {
  const fake = { pending: 0, given: 0 };
  const metrics = (loss: number): StepMetrics => ({
    loss,
    t: 0,
    marginMean: 0,
    marginMax: 0,
    marginMin: 0,
    right: 1,
    samples: 2,
  });
  const step = {
    drain: () => Promise.resolve(Array.from({ length: fake.pending }, () => metrics(++fake.given))),
  } as unknown as TrainingStep;
  return { fake, step };
}

Deno.test("StepReadings gives each step its rate and batch, and reads more at once the faster they come", async () => {
  const { fake, step } = fakeStep();
  const readings = new StepReadings(step, 5);
  let taken = 0;
  const rounds: number[] = [];
  for (let round = 0; round < 5; round++) {
    fake.pending = 0;
    while (!readings.dueAfter(0)) {
      readings.add({ step: ++taken, rate: taken / 10, batch: Uint32Array.of(taken) });
      fake.pending++;
    }
    const { readings: read, seconds } = await readings.read();
    assert.ok(seconds >= 0);
    for (const one of read) {
      assert.deepEqual([one.loss, one.rate, one.batch[0]], [one.step, one.step / 10, one.step]);
    }
    rounds.push(read.length);
  }
  assert.deepEqual(rounds, [1, 2, 4, 5, 5]);
  fake.pending = 0;
  assert.deepEqual((await readings.read()).readings, []);
});
