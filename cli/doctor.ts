// deno-lint-ignore-file no-console -- a command prints
/** `doctor`: looks at this machine, and whether what a run needs works on it. */
import { type CodecFinding, examineCodec, examineGpu, type GpuFinding } from "./doctor_checks.ts";
import { reportAdapters } from "./doctor_adapters.ts";
import { type DataFlags, examineData, formatData } from "./doctor_data.ts";
import { planRun } from "./doctor_plan.ts";
import { formatCase, formatGpu, formatMachine } from "./doctor_report.ts";
import { lookAtMachine, type Machine } from "./machine.ts";
import { runCommand } from "./program.ts";
import type { DataCheck } from "../lib/data/check/check_data.ts";
import { Command } from "../lib/deps/commander.ts";
import type { PairSetReport, TrainingSetReport } from "../lib/data/convert/inspect.ts";
import { InputError } from "../lib/errors.ts";
import { wholeNumber } from "../lib/train/flag_values.ts";

/** What `--json` prints. */
interface DoctorReport {
  /** One line each; empty where all is well. */
  problems: string[];
  machine: Machine;
  gpu: GpuFinding;
  codec: CodecFinding;
  data: (TrainingSetReport | PairSetReport)[];
  /** What was found in the sets together; undefined without sets. */
  findings?: Pick<DataCheck, "counts" | "findings">;
}

async function examine(
  paths: string[],
  { seed, ...flags }: DataFlags & { seed: number },
  say: (text: string) => void,
): Promise<DoctorReport> {
  const machine = lookAtMachine();
  say(formatMachine(machine));
  const codec = await examineCodec();
  say(`codec    ${codec.name ?? "none"}${codec.hint ? ` (${codec.hint})` : ""}`);
  const gpu = await examineGpu(seed, {
    onAdapter: (found) => say(`${formatGpu(found)}\nkernels  seed ${seed}`),
    onCase: (checks) => say(formatCase(checks)),
  });
  const problems = [...codec.problems, ...gpu.problems];
  if (paths.length === 0) return { problems, machine, gpu, codec, data: [] };
  const { sets, problems: found, ...findings } = await examineData(paths, flags);
  say(formatData({ sets, ...findings }));
  return { problems: [...problems, ...found], machine, gpu, codec, data: [...sets], findings };
}

function program(): Command {
  return new Command("doctor")
    .description(
      "Looks at this machine: adapter, every kernel against a reference, image codec, disk and memory; and at data.",
    )
    .option("--data <path...>", "sets to check together: folders with a training set or .bin files, or single ones")
    .option("--out <file.csv>", "with --data: a line for each finding")
    .option("--force", "replace that file")
    .option("--seed <n>", "of the kernels' random inputs (default: 21)", wholeNumber(0))
    .option("--adapters", "list every Vulkan device, and how a run takes it; nothing else is looked at")
    .option("--plan", "what a run would take of the adapter's memory: options of train follow, and --classes <n>")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `
Every image of --data is decoded. Told are images that are corrupt, of one colour, of another size or of no class of
the set, classes of one image, copies of images (the same bytes, or the same picture saved again), and verification
images that are trained on.

Exit code 1 if something is wrong; copies within a class, other sizes and classes of one image alone are not.

Examples:
  doctor.ts
  doctor.ts --adapters
  doctor.ts --data data/faces_emore --out findings.csv
  doctor.ts --data data/my_faces_rec data/val/lfw.bin --json`,
    )
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") })
    .showSuggestionAfterError()
    .action(async ({ data = [], seed = 21, adapters, json, out, force }) => {
      if (adapters) return listDevices(json === true);
      if (out !== undefined && data.length === 0) {
        throw new InputError("Cannot use option --out: expected --data with sets to check, found none");
      }
      const report = await examine(data, { seed, out, force }, (text) => json || console.log(text));
      if (json) console.log(JSON.stringify(report, undefined, 2));
      else if (report.problems.length === 0) console.log("\nall is well");
      for (const problem of report.problems) console.error(`error: ${problem}`);
      if (report.problems.length > 0) Deno.exitCode = 1;
    }) as unknown as Command;
}

/** `doctor --adapters`. */
function listDevices(json: boolean): void {
  const { adapters, lines, problem } = reportAdapters();
  if (json) console.log(JSON.stringify({ adapters, problem }, undefined, 2));
  else if (lines.length > 0) console.log(lines.join("\n"));
  if (problem === undefined) return;
  console.error(`error: ${problem}`);
  Deno.exitCode = 1;
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
