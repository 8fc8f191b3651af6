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

/** Runs a program as an MPI job on this machine. */
export async function mpirun(ranks: number, program: URL, args: readonly string[], env = {}): Promise<JobOutcome> {
  const command = new Deno.Command("mpirun", {
    // Ranks may be more than cores, and whoever tests may be root in a container.
    args: ["-np", `${ranks}`, "--allow-run-as-root", "--oversubscribe", Deno.execPath(), "run", "--quiet", "-A"]
      .concat(program.pathname, args),
    env: { NO_COLOR: "1", ...env },
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, lines: text.decode(stdout).trim().split("\n").sort(), errors: text.decode(stderr) };
}

/** Runs a task of mpi_program.ts. */
export function runTask(ranks: number, input: MpiInput): Promise<JobOutcome> {
  return mpirun(ranks, new URL("./mpi_program.ts", import.meta.url), [JSON.stringify(input)]);
}
