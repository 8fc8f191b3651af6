import assert from "node:assert/strict";
import { validationHistory, validationTable } from "../../lib/train/validation_history.ts";
import { withFolder } from "../temporary_folder.ts";

const line = (epoch: number, step: number, set: string, accuracy: number) =>
  JSON.stringify({ epoch, step, set, accuracy, auc: 1 });

Deno.test("validationHistory() gathers a row per validation; the table marks the best", () =>
  withFolder((folder) => {
    Deno.writeTextFileSync(
      `${folder}/val_epoch_log.txt`,
      [line(1, 10, "lfw", 0.5), line(1, 10, "cfp_fp", 0.7), line(2, 20, "lfw", 0.9), line(2, 20, "cfp_fp", 0.6)].join(
        "\n",
      ),
    );
    const rows = validationHistory(`${folder}/`);
    assert.deepEqual(rows.map(({ epoch, step, mean }) => [epoch, step, mean]), [[1, 10, 0.6], [2, 20, 0.75]]);
    const table = validationTable(rows);
    assert.match(table, /epoch │ step │ +lfw │ cfp_fp │ +mean/);
    assert.match(table, /│ +1 │ +10 │ 50\.00 {2}│ 70\.00\* │ 60\.00 {2}│/);
    assert.match(table, /│ +2 │ +20 │ 90\.00\* │ 60\.00 {2}│ 75\.00\* │/);
    assert.doesNotMatch(validationTable(rows.slice(-1)), /\*/);
  }));

Deno.test("validationHistory() names the line that is no validation", () =>
  withFolder((folder) => {
    assert.throws(() => validationHistory(folder), { name: "InputError", message: /val_epoch_log\.txt/ });
    const refuse = (text: string, message: RegExp) => {
      Deno.writeTextFileSync(`${folder}/val_epoch_log.txt`, text);
      assert.throws(() => validationHistory(folder), { name: "InputError", message });
    };
    refuse("", /expected validations, found none yet/);
    refuse(`${line(1, 10, "lfw", 0.5)}\n{"epoch": 2`, /on line 2, found "\{\\"epoch\\": 2"/);
    refuse(`{"epoch": 1, "step": 2, "set": 3, "accuracy": 1}`, /on line 1/);
  }));
