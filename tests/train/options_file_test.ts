import assert from "node:assert/strict";
import * as fc from "../../lib/deps/fast_check.ts";
import { InputError } from "../../lib/errors.ts";
import { parseTrainOptions, type TrainOptions } from "../../lib/train/options.ts";
import { readOptionsFile, writeOptionsFile } from "../../lib/train/options_file.ts";
import { resolveTrainOptions } from "../../lib/train/resolve_options.ts";

/** Runs `body` with the path of a file that holds `content`. */
function withFile(content: string | Uint8Array, body: (path: string, folder: string) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeFileSync(
      `${folder}/hparam.yaml`,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    body(`${folder}/hparam.yaml`, folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function read(content: string): Partial<TrainOptions> {
  let options: Partial<TrainOptions> = {};
  withFile(content, (path) => options = readOptionsFile(path));
  return options;
}

/** The message about a file, with its path written as FILE. */
function complaint(content: string | Uint8Array): string {
  let message = "";
  withFile(content, (path) => {
    try {
      readOptionsFile(path);
    } catch (error) {
      assert.ok(error instanceof InputError, String(error));
      assert.ok(!error.message.includes("\n"));
      message = error.message.replaceAll(path, "FILE");
    }
  });
  return message;
}

Deno.test("readOptionsFile() takes dashes, underscores and camelCase, and lists in each spelling", () => {
  assert.deepEqual(read("# a comment\nbatch-size: 64\nweight_decay: 1e-4\nendEpoch: 3\n"), {
    batchSize: 64,
    weightDecay: 1e-4,
    endEpoch: 3,
  });
  for (const text of ["[4, 6]", "4,6", "\n  - 4\n  - 6"]) {
    assert.deepEqual(read(`lr-milestones: ${text}`), { lrMilestones: [4, 6] });
  }
  assert.deepEqual(read("lr-milestones: 4\nval: lfw.bin"), { lrMilestones: [4], val: ["lfw.bin"] });
  assert.deepEqual(read("no-log: true\nflip: false"), { noLog: true, flip: false });
  assert.deepEqual(read(""), {});
});

Deno.test("readOptionsFile() names file, line, option, what was expected and what was found", () => {
  assert.equal(
    complaint("seed: 1\nbatchsize: 64"),
    'Cannot use line 2 of option file FILE: expected an option\'s name, found "batchsize"; did you mean batch-size?',
  );
  assert.equal(
    complaint('seed: 1\n\nlr: "fast"'),
    'Cannot use lr at line 3 of option file FILE: expected a number above 0, found "fast"',
  );
  assert.match(complaint("lr:"), /lr at line 1 .* expected a number above 0, found null/);
  assert.match(complaint("flip: yes"), /flip at line 1 .* expected true or false, found "yes"/);
  assert.match(complaint("batch-size: 1\nbatch_size: 2"), /line 2 .* found batch-size a second time/);
  assert.match(complaint("batch-size: 1\nbatch-size: 2"), /expected YAML, found at line \d: Map keys must be unique/);
  assert.match(complaint("lr: [1"), /Cannot read option file FILE: expected YAML, found at line/);
  assert.match(complaint("lr: !!js/function 'x'"), /expected YAML, found at line 1: Unresolved tag/);
  assert.match(complaint("- 1"), /expected one "name: value" per line/);
  assert.match(complaint("just words"), /expected one "name: value" per line/);
  assert.match(complaint("? [a]\n: 1"), /expected an option's name/);
  assert.match(complaint("__proto__: 1"), /expected an option's name/);
  assert.match(complaint(new Uint8Array([0xff, 0xfe, 0])), /expected text in UTF-8/);
  assert.match(complaint(new Uint8Array((1 << 20) + 1).fill(32)), /expected at most 1048576 bytes/);
  assert.throws(() => readOptionsFile("/nowhere/at/all.yaml"), /Cannot read option file .*no such file/);
  assert.throws(() => readOptionsFile("/"), InputError);
});

Deno.test("readOptionsFile() does not grow a small file into a large value", () => {
  const bomb = [
    "a: &a [x,x,x,x,x,x,x,x,x]",
    ..."bcdefgh".split("").map((c, i) => {
      const before = "abcdefg"[i];
      return `${c}: &${c} [${Array(9).fill(`*${before}`).join(",")}]`;
    }),
  ].join("\n");
  assert.match(complaint(bomb), /Cannot use line 1 /);
  assert.match(complaint(`val: &a [x]\nprefix: [${Array(50).fill("*a").join(",")}]`), /found \[|too many aliases/);
});

Deno.test("readOptionsFile() survives any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      complaint(bytes); // asserts that only an InputError of one line is thrown
    }),
    { seed: 5, numRuns: 100 },
  );
});

Deno.test("writeOptionsFile() is read back as it was", () => {
  withFile("", (path) => {
    const options = parseTrainOptions({
      data: "a: b #c",
      val: ["x y.bin", "0x10", "true"],
      lr: 1e-7,
      lrMilestones: [],
      prefix: "1",
    });
    writeOptionsFile(path, options);
    assert.deepEqual(parseTrainOptions(readOptionsFile(path)), options);
    assert.match(Deno.readTextFileSync(path), /^batch-size: 512$/m);
  });
});

Deno.test("resolveTrainOptions(): flags over file over preset over defaults", () => {
  withFile("data: set\nbatch-size: 64\nlr: 0.2", (config) => {
    const options = resolveTrainOptions({ flags: { lr: 0.3, seed: undefined }, config, preset: "ms1mv2" });
    assert.equal(options.lr, 0.3);
    assert.equal(options.batchSize, 64);
    assert.equal(options.prefix, "ms1mv2");
    assert.equal(options.seed, 21);
  });
});

Deno.test("resolveTrainOptions() runs the demo only when nothing names data", () => {
  assert.equal(resolveTrainOptions().prefix, "demo");
  assert.equal(resolveTrainOptions({ flags: { batchSize: 8 } }).batchSize, 8);
  assert.equal(resolveTrainOptions({ flags: { data: "x" } }).prefix, "centerbias");
  assert.throws(() => resolveTrainOptions({ preset: "ms1mv2" }), /Cannot use preset ms1mv2 without data/);
  assert.throws(() => resolveTrainOptions({ preset: "ms1mv" }), /did you mean ms1mv2/);
});

Deno.test("resolveTrainOptions() goes on with a run's own options", () => {
  withFile("data: set\nbatch-size: 64\nend-epoch: 4", (_, folder) => {
    const options = resolveTrainOptions({ flags: { resume: folder, endEpoch: 6 } });
    assert.equal(options.batchSize, 64);
    assert.equal(options.endEpoch, 6);
    assert.equal(options.resume, folder);
    assert.throws(() => resolveTrainOptions({ flags: { resume: folder }, preset: "ms1mv2" }), /expected one of them/);
  });
  assert.throws(
    () => resolveTrainOptions({ flags: { resume: "/nowhere" } }),
    /Cannot read option file \/nowhere\/hparam.yaml/,
  );
});
