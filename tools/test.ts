// deno-lint-ignore-file no-console -- a command prints
/**
 * Every check and every test of the project; what fails does not stop the rest. Each test file has a process of its own, two to
 * four at a time. The last line is `N passed, N failed, N skipped`, where each check counts as one; exit code 1 if
 * anything failed.
 *
 *     deno task test                   everything
 *     deno task test record pair_set   only the test files under tests/ whose path contains one of these
 *     deno task test tests/data/record_reader_test.ts --filter "magic"
 *     deno task check                  the checks alone
 */
import { type Phase, type PhaseResult, runPhase, sum } from "./test_phase.ts";

/**
 * What tests may do: nothing asks for a permission. They write to temporary folders, serve and import on loopback only,
 * load libturbojpeg where there is one, and run commands as a user would.
 */
const TEST_PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-ffi",
  "--allow-run",
  "--allow-net=127.0.0.1,localhost",
  "--allow-import=127.0.0.1,localhost",
];

const CHECKS: Phase[] = [
  { name: "format", args: ["fmt", "--check"] },
  { name: "lint", args: ["lint"] },
  { name: "types", args: ["check", "--quiet", "."] },
  { name: "documentation", args: ["doc", "--lint", "mod.ts"] },
  { name: "imports", args: ["run", "--allow-read=.", "tools/check_imports.ts"] },
];

const DOC_TESTS: Phase = {
  name: "examples in the documentation",
  args: ["test", ...TEST_PERMISSIONS, "--doc", "mod.ts", "lib", "cli", "tools"],
  // console.assert() only prints: an example that fails has to be a failure here.
  refuses: /^Assertion failed/m,
};

/** What the user asked for: paths and words pick test files, options go to `deno test`. */
function picked(given: string[], folder: string): { files: string[]; options: string[] } {
  const options: string[] = [];
  const files: string[] = [];
  const inside = (path: string): string[] => {
    try {
      if (Deno.statSync(path).isDirectory) return testFiles(path);
      return /\.[cm]?[jt]sx?$/.test(path) ? [path] : [];
    } catch {
      return [];
    }
  };
  for (let i = 0; i < given.length; i++) {
    const word = given[i];
    const seen = word.startsWith("/") ? word : `${folder}/${word}`;
    if (word === "--filter" && i + 1 < given.length) options.push(word, given[++i]);
    else if (word.startsWith("-")) options.push(word);
    else {
      const there = inside(seen);
      const found = there.length > 0 ? there : testFiles("tests").filter((path) => path.includes(word));
      if (found.length === 0) {
        console.error(`error: Cannot pick tests: expected a path or a part of a test file's path, found ${word}`);
        Deno.exit(2);
      }
      files.push(...found);
    }
  }
  return { files: files.length > 0 ? [...new Set(files)] : testFiles("tests").sort(), options };
}

function testFiles(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) return testFiles(path);
    return entry.name.endsWith("_test.ts") ? [path] : [];
  });
}

/** The test files that take longest, which begin first so that none is left alone at the end. */
const SLOW = /parity|self_test|train_test|resume|backbone/;

/** Packages are fetched before the tests, which look at all that a command prints: on a new machine deno would say there what it fetches. */
async function fetchPackages(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    const args = ["run", "--allow-read", "--allow-env", "--allow-sys", "cli/train.ts", "--help"];
    const { stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output();
    if (stderr.length === 0) return;
  }
}

/** Runs every test file in a process of its own, several at a time. */
async function runFiles(files: string[], options: string[] = []): Promise<PhaseResult> {
  await fetchPackages();
  const begin = performance.now();
  const queue = [...files.filter((path) => SLOW.test(path)), ...files.filter((path) => !SLOW.test(path))];
  const results: PhaseResult[] = [];
  const worker = async () => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      // The types of everything are a check of their own.
      const result = await runPhase({
        name: path,
        args: ["test", "--no-check", ...TEST_PERMISSIONS, ...options, path],
        whole: true,
      });
      const { problem, failed, seconds, note } = result;
      console.log(`-- ${path}: ${seconds.toFixed(1)} s${note ? ` (${note})` : ""}`);
      results.push({
        ...result,
        failed: [...failed.map((name) => `${path}: ${name}`), ...problem ? [`${path}: ${problem}`] : []],
      });
    }
  };
  // Two at least: while one waits for its device or compiles on one core, the other goes on.
  await Promise.all(Array.from({ length: Math.max(2, Math.min(navigator.hardwareConcurrency, 4)) }, worker));
  return {
    counts: results.map(({ counts }) => counts).reduce(sum),
    failed: results.flatMap(({ failed }) => failed),
    seconds: (performance.now() - begin) / 1000,
  };
}

if (import.meta.main) {
  const folder = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  Deno.chdir(new URL("../", import.meta.url));
  const given = Deno.args.filter((word) => word !== "--checks");
  const alone = (phase: Phase) => ({ name: phase.name, run: () => runPhase(phase) });
  const checks = CHECKS.map(alone);
  const { files: chosen, options } = picked(given, folder);
  const files = { name: "tests", run: () => runFiles(chosen, options) };
  const phases = given.length > 0
    ? [files]
    : Deno.args.includes("--checks")
    ? checks
    : [...checks, files, alone(DOC_TESTS)];

  const rows: string[] = [];
  const names: string[] = [];
  let total = { passed: 0, failed: 0, skipped: 0 };
  const begin = performance.now();
  for (const { name, run } of phases) {
    console.log(`\n== ${name}`);
    const { counts, seconds, problem, failed } = await run();
    total = sum(total, counts);
    names.push(...failed);
    const state = counts.failed > 0 ? "FAILED" : "ok";
    const numbers = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
    rows.push(`${state.padEnd(7)}${seconds.toFixed(1).padStart(7)} s  ${name}: ${problem ?? numbers}`);
  }
  console.log(`\n== all in ${((performance.now() - begin) / 1000).toFixed(1)} s\n${rows.join("\n")}\n`);
  if (names.length > 0) console.log(`failed:\n${names.map((name) => `  ${name}\n`).join("")}`);
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  Deno.exit(total.failed > 0 ? 1 : 0);
}
