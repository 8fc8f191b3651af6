// deno-lint-ignore-file no-console -- a command prints
/** `doctor`: looks at this machine, and whether what a run needs works on it. */
import { type CodecFinding, examineCodec, examineGpu, type GpuFinding } from "./doctor_checks.ts";
import { planRun } from "./doctor_plan.ts";
import { formatCase, formatGpu, formatMachine } from "./doctor_report.ts";
import { formatReport } from "./inspect_report.ts";
import { lookAtMachine, type Machine } from "./machine.ts";
import { runCommand } from "./program.ts";
import { showProgress } from "./show_progress.ts";
import { Command, InvalidArgumentError } from "../lib/deps/commander.ts";
import { inspectSet, type PairSetReport, type TrainingSetReport } from "../lib/data/convert/inspect.ts";
import { InputError } from "../lib/errors.ts";

/** What `--json` prints. */
interface DoctorReport {
  /** One line each; empty where all is well. */
  problems: string[];
  machine: Machine;
  gpu: GpuFinding;
  codec: CodecFinding;
  data: (TrainingSetReport | PairSetReport)[];
}

async function examine(paths: string[], seed: number, say: (text: string) => void): Promise<DoctorReport> {
  const machine = lookAtMachine();
  say(formatMachine(machine));
  const codec = await examineCodec();
  say(`codec    ${codec.name ?? "none"}${codec.hint ? ` (${codec.hint})` : ""}`);
  const gpu = await examineGpu(seed, {
    onAdapter: (found) => say(`${formatGpu(found)}\nkernels  seed ${seed}`),
    onCase: (checks) => say(formatCase(checks)),
  });
  const problems = [...codec.problems, ...gpu.problems];
  const data: DoctorReport["data"] = [];
  for (const path of paths) {
    try {
      const report = await showProgress("images", (onProgress) => inspectSet(path, { onProgress }));
      data.push(report);
      say(formatReport(report));
      if (report.corrupt > 0) problems.push(`${path}: ${report.corrupt} of ${report.images} images are corrupt`);
      if (report.kind === "training set" && report.badLabels > 0) {
        problems.push(`${path}: ${report.badLabels} labels are not classes of the set`);
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(error.message);
    }
  }
  return { problems, machine, gpu, codec, data };
}

function program(): Command {
  return new Command("doctor")
    .description("Looks at this machine: adapter, every kernel against a reference, image codec, disk and memory.")
    .option("--data <path...>", "data sets whose images are all decoded, to count the corrupt ones")
    .option("--seed <n>", "of the kernels' random inputs (default: 21)", (text) => {
      const seed = Number(text);
      if (!Number.isInteger(seed) || seed < 0) throw new InvalidArgumentError("expected a whole number from 0 on.");
      return seed;
    })
    .option("--plan", "what a run would take of the adapter's memory: options of train follow, and --classes <n>")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExit code 1 if something is wrong.")
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .showSuggestionAfterError()
    .action(async ({ data = [], seed = 21, json }) => {
      const report = await examine(data, seed, (text) => json || console.log(text));
      if (json) console.log(JSON.stringify(report, undefined, 2));
      else if (report.problems.length === 0) console.log("\nall is well");
      for (const problem of report.problems) console.error(`error: ${problem}`);
      if (report.problems.length > 0) Deno.exitCode = 1;
    }) as unknown as Command;
}

/** `doctor --plan`: what follows are train's options. */
async function plan(args: string[]): Promise<void> {
  const json = args.includes("--json");
  const { lines, problem, ...report } = await planRun(args.filter((word) => word !== "--plan" && word !== "--json"));
  console.log(json ? JSON.stringify({ ...report, problem }, undefined, 2) : lines.join("\n"));
  if (problem === undefined) return;
  console.error(`error: ${problem}`);
  Deno.exitCode = 1;
}

if (import.meta.main) {
  await runCommand(async () => {
    if (Deno.args.includes("--plan") && !Deno.args.includes("--help")) return await plan(Deno.args);
    await program().parseAsync(Deno.args, { from: "user" });
  });
}
