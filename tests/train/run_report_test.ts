import assert from "node:assert/strict";
import {
  accuracies,
  epochLine,
  epochNumber,
  epochText,
  stepLine,
  validationLines,
} from "../../lib/train/run_report.ts";
import { freshState } from "../../lib/train/run_state.ts";

const figures = (accuracy: number) => ({
  pairs: 10,
  same: 5,
  distance: "cosine" as const,
  accuracy,
  accuracyStd: 0.01,
  val: 0.5,
  valStd: 0.1,
  far: 0.001,
  farTarget: 0.001,
  auc: 0.97,
  eer: 0.08,
  bestThresholdAccuracy: 0.95,
  bestThreshold: 0.3,
});

Deno.test("an epoch is reported for the reader and for the log", () => {
  const state = { ...freshState(), epoch: 3, step: 30, sums: { loss: 100, right: 30, samples: 40 }, seconds: 75 };
  assert.equal(epochText(state, 12), "epoch  3/12  loss 2.5000  training accuracy 75.00 %  1:15 so far");
  assert.match(epochText({ ...state, corruptCount: 1 }, 12), / {2}1 corrupt image left out {2}/);
  assert.match(epochText({ ...state, corruptCount: 2 }, 12), / {2}2 corrupt images left out {2}/);
  assert.deepEqual(epochLine({ ...state, corruptCount: 2 }), {
    epoch: 3,
    step: 30,
    total_loss: 2.5,
    train_accuracy: 0.75,
    samples: 40,
    corrupt: 2,
    seconds: 75,
  });
  assert.equal(epochNumber(10, 10), "epoch 10/10");
});

Deno.test("a step is logged under the names of the field", () => {
  const line = stepLine(2, {
    step: 7,
    rate: 0.1,
    batch: new Uint32Array(),
    loss: 3,
    t: 0.5,
    marginMean: 0.45,
    marginMax: 0.6,
    marginMin: 0.4,
    right: 3,
    samples: 4,
  });
  assert.deepEqual(line, {
    epoch: 2,
    step: 7,
    total_loss: 3,
    t: 0.5,
    m_mean: 0.45,
    m_max: 0.6,
    m_min: 0.4,
    accuracy: 0.75,
    lr: 0.1,
  });
});

Deno.test("a validation is a line per set, and their mean where there are several", () => {
  const results = [{ name: "lfw", result: figures(0.9) }, { name: "agedb_30", result: figures(0.8) }];
  assert.equal(accuracies(results), "lfw 90.00 %  agedb_30 80.00 %  mean 85.00 %");
  assert.equal(accuracies(results.slice(1)), "agedb_30 80.00 %");
  const [line] = validationLines(results, { epoch: 1, step: 5 });
  assert.deepEqual(line, {
    epoch: 1,
    step: 5,
    set: "lfw",
    accuracy: 0.9,
    accuracy_std: 0.01,
    val: 0.5,
    far: 0.001,
    auc: 0.97,
    eer: 0.08,
  });
});
