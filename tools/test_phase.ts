/** How many tests (or checks) did what. */
export interface Counts {
  /** Ran and found nothing wrong. */
  passed: number;
  /** Ran, or should have run, and did not end well. */
  failed: number;
  /** Did not run, on purpose. */
  skipped: number;
}

/** One run of deno. */
export interface Phase {
  /** For the report. */
  name: string;
  /** Arguments of deno. A first argument `test` has its summary counted; anything else counts as one. */
  args: string[];
  /** Output that makes the phase fail, whatever its exit code. */
  refuses?: RegExp;
  /** Seconds after which the phase is ended and fails. @default 1200 */
  limit?: number;
  /** Print its output in one piece at its end, not as it comes: for phases that run at the same time. @default false */
  whole?: boolean;
}

/** How a phase went. */
export interface PhaseResult {
  /** Its part of the total. */
  counts: Counts;
  /** Wall-clock time. */
  seconds: number;
  /** Why it failed, where the counts do not say it. */
  problem?: string;
  /** The tests that failed, by name. */
  failed: string[];
  /** What is worth a word though it did not fail. */
  note?: string;
}

/**
 * The sum of two counts.
 *
 * @example
 * ```ts
 * import { sum } from "./test_phase.ts";
 *
 * const one = { passed: 1, failed: 0, skipped: 2 };
 * console.assert(sum(one, one).skipped === 4);
 * ```
 */
export function sum(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * The counts in the summary that `deno test` ends with; undefined if there is none (it could not start, or was killed).
 *
 * @example
 * ```ts
 * import { readSummary } from "./test_phase.ts";
 *
 * const counts = readSummary("ok | 3 passed (2 steps) | 0 failed | 1 ignored (12ms)");
 * console.assert(counts?.passed === 3 && counts.skipped === 1);
 * ```
 */
export function readSummary(output: string): Counts | undefined {
  const last = [...plain(output).matchAll(/^(?:ok|FAILED) \| (\d+) passed.*?\| (\d+) failed(.*)$/gm)].at(-1);
  if (last === undefined) return undefined;
  const skipped = /\| (\d+) ignored/.exec(last[3])?.[1] ?? 0;
  return { passed: Number(last[1]), failed: Number(last[2]), skipped: Number(skipped) };
}

/**
 * The names of the tests that failed, from what `deno test` printed.
 *
 * @example
 * ```ts
 * import { failedTests } from "./test_phase.ts";
 *
 * console.assert(failedTests("a ... ok (1ms)\nb ... FAILED (2ms)\n").join() === "b");
 * ```
 */
export function failedTests(output: string): string[] {
  const names = plain(output).matchAll(/^(\S.*?) (?:\.\.\. FAILED \(.*\)|\(uncaught error\))$/gm);
  return [...new Set([...names].map((match) => match[1]))];
}

/**
 * Runs one phase in a deno of its own, in the current folder, and prints what it prints as it comes.
 *
 * INIT_CWD is not handed on: a command that a test runs from its own folder stands there, not where the user does.
 */
export async function runPhase(phase: Phase): Promise<PhaseResult> {
  const begin = performance.now();
  const env = Deno.env.toObject();
  delete env.INIT_CWD;
  if (!Deno.stdout.isTerminal()) env.NO_COLOR = "1";
  const limit = phase.limit ?? 1200;
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limit * 1000);
  const child = new Deno.Command(Deno.execPath(), {
    args: phase.args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env,
    clearEnv: true,
    signal: late.signal,
  }).spawn();
  const [output, errors, status] = await Promise.all([
    tee(child.stdout, phase.whole ? undefined : Deno.stdout),
    tee(child.stderr, phase.whole ? undefined : Deno.stderr),
    child.status,
  ]);
  if (phase.whole) {
    // Synchronously, so that the pieces of phases at the same time do not mix; a write may take only a part.
    const bytes = new TextEncoder().encode(output + errors);
    for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
  }
  clearTimeout(timer);
  const seconds = (performance.now() - begin) / 1000;
  const verdict = judge(phase, status.code, output, errors, late.signal.aborted ? limit : undefined);
  return { ...verdict, failed: failedTests(output), seconds };
}

/**
 * Aborted, and a fault in memory. `deno test` has tests in a thread of their own and does not wait for its end: while the thread takes down its
 * device, the main thread runs the exit functions of the driver's libraries, and now and then one of the two frees what the other has freed. By then
 * every test has ended and was counted; commands have no such thread.
 */
const CRASHES: ReadonlySet<number> = new Set([134, 139]);

/** How a phase went by its exit code and what it printed; `ended` is the limit in seconds if it was ended there. */
export function judge(
  phase: Phase,
  code: number,
  output: string,
  errors: string,
  ended?: number,
): Omit<PhaseResult, "seconds" | "failed"> {
  const summary = phase.args[0] === "test" ? readSummary(output) : undefined;
  const counts = summary ?? { passed: 0, failed: 0, skipped: 0 };
  const failed = (problem: string) => ({ counts: sum(counts, { passed: 0, failed: 1, skipped: 0 }), problem });
  if (ended !== undefined) return failed(`ended after ${ended} s`);
  if (phase.refuses?.test(output) || phase.refuses?.test(errors)) return failed(`its output has ${phase.refuses}`);
  if (
    CRASHES.has(code) && summary && summary.failed === 0 && /^ok \| /m.test(plain(output).trimEnd().split("\n").at(-1)!)
  ) {
    return { counts, note: `its process crashed at its exit, after the last test: code ${code}` };
  }
  if (code !== 0 && counts.failed === 0) return failed(`exit code ${code}`);
  if (phase.args[0] !== "test") return { counts: { passed: 1, failed: 0, skipped: 0 } };
  return summary === undefined ? failed("no summary of tests in its output") : { counts };
}

/** Text without terminal colours. */
function plain(text: string): string {
  // deno-lint-ignore no-control-regex -- terminal colours
  return text.replace(/\x1b\[[0-9;]*m/g, "");
}

/** Copies a stream to `to`, if there is one, as it comes and resolves to its text. */
async function tee(
  from: ReadableStream<Uint8Array>,
  to: { write(bytes: Uint8Array): Promise<number> } | undefined,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of from) {
    text += decoder.decode(bytes, { stream: true });
    for (let done = 0; to && done < bytes.length;) done += await to.write(bytes.subarray(done));
  }
  return text + decoder.decode();
}
