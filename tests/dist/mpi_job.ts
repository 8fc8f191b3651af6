import { mpirun } from "../../tools/mpirun.ts";
import type { MpiInput } from "./mpi_program.ts";

/** What a test that needs Open MPI adds to its name; empty where it can run. */
export const noMpi: string = findProblem() ? ` SKIPPED: ${findProblem()}` : "";

function findProblem(): string | undefined {
  try {
    const { success, stdout } = new Deno.Command("mpirun", { args: ["--version"], stderr: "null" }).outputSync();
    if (success && /Open MPI/.test(new TextDecoder().decode(stdout))) return undefined;
    return "mpirun is not Open MPI's";
  } catch {
    return "no mpirun (Debian: openmpi-bin)";
  }
}

/** How a job ended: its exit code, what its ranks printed, a line each, sorted, and what the launcher said. */
export interface JobOutcome {
  readonly code: number;
  readonly lines: string[];
  readonly errors: string;
}

/** Runs a program as an MPI job on this machine, to its end. */
export async function runJob(ranks: number, program: URL, args: readonly string[], env = {}): Promise<JobOutcome> {
  const { code, stdout, stderr } = await mpirun(ranks, program, args, env).output();
  const text = new TextDecoder();
  return { code, lines: text.decode(stdout).trim().split("\n").sort(), errors: text.decode(stderr) };
}

/** Runs a task of mpi_program.ts. */
export function runTask(ranks: number, input: MpiInput): Promise<JobOutcome> {
  return runJob(ranks, new URL("./mpi_program.ts", import.meta.url), [JSON.stringify(input)]);
}
