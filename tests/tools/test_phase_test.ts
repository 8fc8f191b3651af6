import assert from "node:assert/strict";
import { failedTests, judge, readSummary, runPhase, sum } from "../../tools/test_phase.ts";

/** A phase's process, written as one line of TypeScript. */
function script(code: string): string[] {
  return ["eval", "--no-lock", code];
}

Deno.test("readSummary() reads every form of deno test's last line, the last one if there are several", () => {
  assert.deepEqual(readSummary("ok | 9 passed | 0 failed (127ms)\n"), { passed: 9, failed: 0, skipped: 0 });
  assert.deepEqual(
    readSummary(
      "x\nok | 1 passed | 0 failed (1ms)\nFAILED | 3 passed (4 steps) | 2 failed (1 step) | 5 ignored (6 steps) | 7 filtered out (1s)",
    ),
    { passed: 3, failed: 2, skipped: 5 },
  );
  assert.deepEqual(readSummary("\x1b[0m\x1b[32mok\x1b[0m | 9 passed | 0 failed \x1b[38;5;245m(127ms)\x1b[0m"), {
    passed: 9,
    failed: 0,
    skipped: 0,
  });
  assert.equal(readSummary("error: Type checking failed."), undefined);
});

Deno.test("sum() adds each count", () => {
  assert.deepEqual(sum({ passed: 1, failed: 2, skipped: 3 }, { passed: 10, failed: 20, skipped: 30 }), {
    passed: 11,
    failed: 22,
    skipped: 33,
  });
});

Deno.test("runPhase() counts a check as one, and tells a failing one by its exit code", async () => {
  const good = await runPhase({ name: "good", args: script("Deno.exit(0)") });
  assert.deepEqual(good.counts, { passed: 1, failed: 0, skipped: 0 });
  const bad = await runPhase({ name: "bad", args: script("Deno.exit(3)") });
  assert.deepEqual(bad.counts, { passed: 0, failed: 1, skipped: 0 });
  assert.equal(bad.problem, "exit code 3");
});

Deno.test("judge() takes a crash after the last line for a note, and any other for a failure", () => {
  const phase = { name: "crash", args: ["test", "some_test.ts"] };
  const passed = "a ... ok (1ms)\n\nok | 3 passed | 0 failed (1s)\n";
  const late = judge(phase, 134, passed, "double free or corruption\n");
  assert.deepEqual(late.counts, { passed: 3, failed: 0, skipped: 0 });
  assert.match(late.note!, /^its process crashed at its exit, after the last test: code 134$/);
  assert.equal(late.problem, undefined);
  assert.equal(judge(phase, 139, passed, "").counts.failed, 0);
  for (
    const [code, output] of [
      [134, "a ... ok (1ms)\n"],
      [134, "FAILED | 3 passed | 1 failed (1s)\n"],
      [134, `${passed}b ... `],
      [1, passed],
      [137, passed],
    ] as const
  ) assert.equal(judge(phase, code, output, "").counts.failed, 1, `${code} ${output}`);
  assert.equal(judge({ name: "check", args: ["check"] }, 134, "", "").counts.failed, 1);
});

Deno.test("runPhase() fails on output it refuses and on a phase that does not end", async () => {
  const refused = await runPhase({
    name: "refused",
    args: script("console.assert(1 > 2)"),
    refuses: /^Assertion failed/m,
  });
  assert.equal(refused.counts.failed, 1);
  const endless = await runPhase({ name: "endless", args: script("setInterval(() => {}, 1000)"), limit: 0.5 });
  assert.equal(endless.problem, "ended after 0.5 s");
  assert.equal(endless.counts.failed, 1);
});

Deno.test("runPhase() does not hand INIT_CWD on", async () => {
  const before = Deno.env.get("INIT_CWD");
  Deno.env.set("INIT_CWD", "/");
  try {
    const { counts } = await runPhase({ name: "env", args: script('Deno.exit(Deno.env.has("INIT_CWD") ? 1 : 0)') });
    assert.equal(counts.passed, 1);
  } finally {
    if (before === undefined) Deno.env.delete("INIT_CWD");
    else Deno.env.set("INIT_CWD", before);
  }
});

Deno.test("failedTests() names tests that failed and files that could not run, each once", () => {
  const output = [
    "a ... ok (1ms)",
    "\x1b[0mb of two ... \x1b[31mFAILED\x1b[0m (2s)",
    "  a step ... FAILED (1ms)",
    "./tests/c_test.ts (uncaught error)",
    "b of two ... FAILED (2s)",
  ];
  assert.deepEqual(failedTests(output.join("\n")), ["b of two", "./tests/c_test.ts"]);
});
