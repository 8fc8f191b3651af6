import assert from "node:assert/strict";
import { freshState, isEnded, isFinished, isValidationDue } from "../../lib/train/run_state.ts";

const at = (epoch: number, step: number, epochStep: number, validated?: number) => ({
  ...freshState(),
  epoch,
  step,
  epochStep,
  validated,
});

Deno.test("a run ends with its last epoch or its last step", () => {
  const options = { endEpoch: 2, valFreq: 1 };
  assert.equal(isEnded(at(1, 19, 9), options), false);
  assert.equal(isEnded(at(2, 20, 0), options), true);
  assert.equal(isEnded(at(1, 15, 5), { ...options, maxSteps: 15 }), true);
  assert.equal(isFinished(at(2, 20, 0, 10), options), false);
  assert.equal(isFinished(at(2, 20, 0, 20), options), true);
});

Deno.test("a validation is due after every valFreq epochs and at the end, once", () => {
  const options = { endEpoch: 3, valFreq: 2 };
  assert.equal(isValidationDue(freshState(), options), false);
  assert.equal(isValidationDue(at(0, 0, 0, 0), options), false);
  assert.equal(isValidationDue(at(1, 10, 0), options), false);
  assert.equal(isValidationDue(at(2, 20, 0), options), true);
  assert.equal(isValidationDue(at(2, 20, 0, 20), options), false);
  assert.equal(isValidationDue(at(2, 25, 5, 20), options), false);
  assert.equal(isValidationDue(at(3, 30, 0, 20), options), true);
  assert.equal(isValidationDue(at(2, 25, 5, 20), { ...options, maxSteps: 25 }), true);
});
