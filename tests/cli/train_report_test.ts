import assert from "node:assert/strict";
import { trainReport } from "../../cli/train_report.ts";
import { evaluatePairs } from "../../lib/eval/pairs.ts";

const result = evaluatePairs(Float32Array.of(1, 0, 1, 0.1, 1, 0, 0, 1, 0, 1, 0.1, 1, 0, 1, 1, 0), [
  true,
  false,
  true,
  false,
], { folds: 2 });
const base = { folder: "run", finished: true, epochs: 3, steps: 12, trainAccuracy: 0.9876, seconds: 3723.4 };

Deno.test("trainReport() has the table, with the untrained network's figure where there is one", () => {
  const validation = [{ name: "lfw", result }];
  const text = trainReport({
    ...base,
    validation,
    untrained: [{ name: "lfw", result: { ...result, accuracy: 0.5, accuracyStd: 0 } }],
    best: { accuracy: 1, epoch: 2, step: 8 },
    model: "run/best_iresnet18.safetensors",
  });
  const lines = text.split("\n");
  assert.equal(lines[1], "verification after epoch 3, step 12");
  assert.match(lines[3], /^│ set │ pairs │ untrained % │ +accuracy % │/);
  assert.match(lines[5], /^│ lfw │ +4 │ +50\.00 │ 100\.00 ± 0\.00 │/);
  assert.deepEqual(lines.slice(-3), [
    "training accuracy  98.76 %",
    "best model         run/best_iresnet18.safetensors  (epoch 2, step 8: 100.00 %)",
    "total time         1:02:03",
  ]);
  const plain = trainReport({ ...base, validation, untrained: [], best: undefined, model: undefined });
  assert.doesNotMatch(plain, /untrained|model/);
});

Deno.test("trainReport() of a run without validation is what is known", () => {
  const text = trainReport({ ...base, validation: [], untrained: [], best: undefined, model: "run/best.safetensors" });
  assert.equal(
    text,
    "training accuracy  98.76 %\nmodel              run/best.safetensors\ntotal time         1:02:03",
  );
});
