import assert from "node:assert/strict";

/** Runs tools/test.ts as `deno task test` does. */
function run(...args: string[]): { code: number; lines: string[]; errors: string } {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--allow-read", "--allow-env", "--allow-run", "tools/test.ts", ...args],
    cwd: new URL("../../", import.meta.url),
    env: { CI: "true" },
    stdin: "null",
  }).outputSync();
  const text = new TextDecoder();
  return { code, lines: text.decode(stdout).trimEnd().split("\n"), errors: text.decode(stderr) };
}

Deno.test("tools/test.ts ends with the counts alone on a line, and fails if a test does", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/some_test.ts`;
    const tests = ['Deno.test("a", () => {});', 'Deno.test("b", () => {});', 'Deno.test.ignore("c", () => {});'];
    Deno.writeTextFileSync(path, tests.join("\n"));
    const good = run(path);
    assert.equal(good.lines.at(-1), "2 passed, 0 failed, 1 skipped");
    assert.equal(good.code, 0);
    Deno.writeTextFileSync(path, [...tests, 'Deno.test("d", () => { throw new Error("no"); });'].join("\n"));
    const bad = run(path, "--filter", "/b|d/");
    assert.equal(bad.lines.at(-1), "1 passed, 1 failed, 0 skipped");
    assert.deepEqual(bad.lines.slice(-4, -2), ["failed:", `  ${path}: d`]);
    assert.equal(bad.code, 1);
    Deno.writeTextFileSync(path, "const a = ;");
    const broken = run(path);
    assert.equal(broken.lines.at(-1), "0 passed, 1 failed, 0 skipped");
    assert.equal(broken.code, 1);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("tools/test.ts refuses words that pick no test", () => {
  const { code, errors } = run("no-test-is-called-so");
  assert.equal(code, 2);
  assert.match(errors, /error: Cannot pick tests: expected a path .* found no-test-is-called-so/);
});
