/**
 * A job of Open MPI on this machine: `ranks` processes of a program, which may do everything.
 *
 * @throws {Deno.errors.NotFound} (when it is run) if there is no mpirun.
 */
export function mpirun(
  ranks: number,
  program: URL,
  args: readonly string[],
  env: Record<string, string> = {},
): Deno.Command {
  return new Deno.Command("mpirun", {
    args: [
      // Ranks may be more than cores, and whoever runs this may be root in a container, where there may be no ssh either.
      ...["--allow-run-as-root", "--oversubscribe", "--mca", "plm", "isolated"],
      ...["-np", `${ranks}`, Deno.execPath(), "run", "--quiet", "-A", program.pathname, ...args],
    ],
    env: { NO_COLOR: "1", ...env },
  });
}
