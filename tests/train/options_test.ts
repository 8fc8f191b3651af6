import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { expectation, flagName, keyName, nearestName, optionTable } from "../../lib/train/option_table.ts";
import { parseTrainOptions } from "../../lib/train/options.ts";
import { OPTION_GROUPS, trainOptionsSchema } from "../../lib/train/options_schema.ts";
import { presetOptions } from "../../lib/train/presets.ts";

/** What parseTrainOptions() says of these options. */
function complaint(given: Record<string, unknown>): string {
  try {
    parseTrainOptions(given);
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    assert.ok(!error.message.includes("\n"));
    return error.message;
  }
  return "";
}

Deno.test("parseTrainOptions() fills in the published recipe", () => {
  const options = parseTrainOptions();
  assert.equal(options.batchSize, 512);
  assert.equal(options.lr, 0.1);
  assert.equal(options.endEpoch, 25);
  assert.deepEqual(options.lrMilestones, [8, 16, 22]);
  assert.equal(options.momentum, 0.9);
  assert.equal(options.weightDecay, 5e-4);
  assert.equal(options.scale, 64);
  assert.equal(options.margin, 0.4);
  assert.equal(options.mM, 0.2);
  assert.equal(options.centerMomentum, 0.99);
  assert.equal(options.seed, 21);
  assert.equal(options.model, "iresnet18");
  assert.equal(options.data, undefined);
  assert.ok(!("clipGradNorm" in options));
});

Deno.test("parseTrainOptions() hands out defaults that are nobody else's", () => {
  parseTrainOptions().lrMilestones.push(99);
  assert.deepEqual(parseTrainOptions().lrMilestones, [8, 16, 22]);
});

Deno.test("parseTrainOptions() names option, what was expected and what was found", () => {
  assert.equal(
    complaint({ batchSize: "64" }),
    'Cannot use option batchSize: expected a whole number of at least 1 and of at most 1048576, found "64"',
  );
  assert.match(complaint({ batchSize: 1.5 }), /expected a whole number .*, found 1.5/);
  assert.match(complaint({ lr: 0 }), /expected a number above 0, found 0/);
  assert.match(complaint({ lr: NaN }), /expected a number above 0, found NaN/);
  assert.match(complaint({ lr: Infinity }), /expected a number above 0/);
  assert.match(complaint({ momentum: 1 }), /expected a number of at least 0 and below 1, found 1/);
  assert.match(complaint({ flip: 1 }), /expected true or false, found 1/);
  assert.match(complaint({ model: "iresnet19" }), /expected one of iresnet18, .*, found "iresnet19"/);
  assert.match(complaint({ lrMilestones: [4, "x"] }), /expected a list, each a whole number of at least 1/);
  assert.match(complaint({ prefix: "../x" }), /expected the name of a folder, without slashes/);
  assert.match(complaint({ prefix: ".." }), /expected the name of a folder/);
  assert.match(complaint({ data: "" }), /expected a text that is not empty/);
  assert.match(complaint({ batchsize: 64 }), /found "batchsize"; did you mean batchSize\?/);
  assert.match(complaint({ constructor: 1 }), /expected an option's name, found "constructor"/);
  assert.match(complaint({ lrMilestones: [8, 8] }), /expected rising epochs, found 8,8/);
  assert.match(complaint({ warmupEpochs: 3, endEpoch: 2 }), /expected no more than endEpoch, 2, found 3/);
});

Deno.test("optionTable() knows every option's name, group, kind and default", () => {
  const table = optionTable(trainOptionsSchema);
  assert.deepEqual(table.find(({ key }) => key === "lrMilestones"), {
    key: "lrMilestones",
    flag: "lr-milestones",
    group: "Schedule",
    description: "epochs after which lr is multiplied",
    kind: "numbers",
    choices: undefined,
    default: [8, 16, 22],
  });
  for (const { key, group, description } of table) {
    assert.ok((OPTION_GROUPS as readonly string[]).includes(group), key);
    assert.ok(description.length > 0 && description.length < 80, key);
  }
  // Headings are not repeated: options of one group stand together.
  const headings = table.map(({ group }) => group).filter((group, i, all) => group !== all[i - 1]);
  assert.deepEqual(headings, [...OPTION_GROUPS]);
});

Deno.test("flagName() and keyName() are each other's inverse", () => {
  for (const { key } of optionTable(trainOptionsSchema)) assert.equal(keyName(flagName(key)), key);
  assert.equal(flagName("mM"), "m-m");
  assert.equal(keyName("weight_decay"), "weightDecay");
});

Deno.test("nearestName() finds slips of the keyboard and names from elsewhere, and does not guess wildly", () => {
  const names = optionTable(trainOptionsSchema).map(({ key }) => key);
  assert.equal(nearestName("bacth-size", names), "batchSize");
  assert.equal(nearestName("lr_milestone", names), "lrMilestones");
  assert.equal(nearestName("LR", names), "lr");
  assert.equal(nearestName("resume_dir", names), "resume");
  assert.equal(nearestName("val-root-dir", names), "val");
  assert.equal(nearestName("epochs", names), "endEpoch");
  assert.equal(nearestName("zzzzzzz", names), undefined);
});

Deno.test("expectation() leaves out limits that are none", () => {
  assert.equal(expectation(trainOptionsSchema.shape.maxSteps), "a whole number of at least 1");
});

Deno.test("presetOptions() gives the published recipe by name", () => {
  for (const name of ["demo", "ms1mv2", "ms1mv3"]) assert.equal(complaint(presetOptions(name)), "");
  assert.deepEqual(presetOptions("ms1mv3").lrMilestones, [8, 16, 22]);
  assert.throws(() => presetOptions("ms1m-v2"), /expected one of demo, ms1mv2, ms1mv3; did you mean ms1mv2\?/);
  assert.throws(() => presetOptions("toString"), /expected one of demo/);
});
