import assert from "node:assert/strict";
import { parseTrainFlags } from "../../cli/train_flags.ts";
import { CommanderError } from "../../lib/deps/commander.ts";
import { InputError } from "../../lib/errors.ts";
import { optionTable } from "../../lib/train/option_table.ts";
import { trainOptionsSchema } from "../../lib/train/options_schema.ts";

/** What the command line says of these words. */
function complaint(...args: string[]): string {
  try {
    parseTrainFlags(args);
  } catch (error) {
    assert.ok(error instanceof InputError, String(error));
    assert.ok(!error.message.includes("\n"));
    return error.message;
  }
  return "";
}

Deno.test("parseTrainFlags() gives only what was typed, by its type", () => {
  assert.deepEqual(parseTrainFlags([]), { flags: {}, config: undefined, preset: undefined });
  const { flags, config, preset } = parseTrainFlags(
    "--data set --val a.bin b.bin --val c.bin --batch-size 64 --lr=1e-2 --lr-milestones 4,6 --m-m .1 --config x.yaml --preset ms1mv2"
      .split(" "),
  );
  assert.deepEqual(flags, {
    data: "set",
    val: ["a.bin", "b.bin", "c.bin"],
    batchSize: 64,
    lr: 0.01,
    lrMilestones: [4, 6],
    mM: 0.1,
  });
  assert.equal(config, "x.yaml");
  assert.equal(preset, "ms1mv2");
});

Deno.test("parseTrainFlags() switches on and off, so that an option file can be overruled both ways", () => {
  assert.deepEqual(parseTrainFlags(["--no-flip", "--constant-t", "--no-log"]).flags, {
    flip: false,
    constantT: true,
    noLog: true,
  });
  assert.deepEqual(parseTrainFlags(["--flip", "--no-constant-t", "--log"]).flags, {
    flip: true,
    constantT: false,
    noLog: false,
  });
});

Deno.test("parseTrainFlags() says in one line what is wrong", () => {
  assert.equal(
    complaint("--batchsize", "3"),
    "Cannot use option --batchsize: no such option; did you mean --batch-size? (--help lists them)",
  );
  assert.match(complaint("--confg", "x"), /did you mean --config\?/);
  assert.match(complaint("--dataset", "x"), /did you mean --data\?/);
  assert.match(complaint("--qqqqqq"), /no such option \(--help lists them\)/);
  assert.equal(complaint("--lr", "abc"), 'Cannot use option --lr: expected a number above 0, found "abc"');
  assert.match(complaint("--lr", "-1"), /expected a number above 0, found -1/);
  assert.match(complaint("--batch-size", "0x10"), /found "0x10"/);
  assert.match(complaint("--batch-size", ""), /expected a whole number .* found ""/);
  assert.match(complaint("--lr-milestones", "1,,2"), /found \[1,"",2\]/);
  assert.match(complaint("--lr"), /Cannot use option --lr: expected a value after it, found none/);
  assert.match(complaint("folder"), /Cannot read the command line: too many arguments/);
});

Deno.test("parseTrainFlags() shows each option of the schema in the help, with its default", () => {
  let help = "";
  assert.throws(
    () => parseTrainFlags(["--help"], (text) => help += text),
    (error) => error instanceof CommanderError && error.exitCode === 0,
  );
  for (const { flag, group } of optionTable(trainOptionsSchema)) {
    assert.match(help, new RegExp(`^  --(no-)?${flag.replace(/^no-/, "")}\\b`, "m"));
    assert.match(help, new RegExp(`^${group}:$`, "m"));
  }
  assert.match(help, /--no-flip/);
  assert.doesNotMatch(help, /--flip|--no-constant-t|--log(?!-)/);
  assert.match(help, /--batch-size <n> +images per step \(default: 512\)/);
});
