/** Where launchers tell which of its machine's ranks a process is: Open MPI, Slurm, Hydra. */
const VARIABLES = ["OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "MPI_LOCALRANKID", "PMI_LOCAL_RANK"];

/**
 * Which of the ranks of its machine this process is, from 0, as its launcher tells; undefined if it does not. It chooses the adapter.
 *
 * @example
 * ```ts
 * import { localRank } from "./local_rank.ts";
 *
 * console.assert(localRank((name) => name === "SLURM_LOCALID" ? "3" : undefined) === 3);
 * ```
 */
export function localRank(env: (name: string) => string | undefined = Deno.env.get): number | undefined {
  for (const name of VARIABLES) {
    const text = env(name);
    if (text !== undefined && /^\d{1,6}$/.test(text)) return Number(text);
  }
  return undefined;
}
