// deno-lint-ignore-file no-console -- a program of its own
/** A rank of an MPI job: `mpi_program.ts TASK [JSON]`. Prints `rank N: …` on a line; exit code 3 for a failure of the group. */
import { checkGroup, randomFloats } from "./group_cases.ts";
import type { Group } from "../../lib/dist/group.ts";
import { GroupFailure } from "../../lib/dist/group_failure.ts";
import { localRank } from "../../lib/dist/local_rank.ts";
import { MpiGroup } from "../../lib/dist/mpi_group.ts";

/** What a job is told. */
export interface MpiInput {
  readonly task: keyof typeof TASKS;
  readonly seed?: number;
  readonly lengths?: readonly number[];
  /** The rank that misbehaves. */
  readonly which?: number;
  /** Seconds. */
  readonly timeout?: number;
}

const misbehave = (wrong: (group: Group) => unknown) => async (group: Group, { which }: MpiInput) => {
  const values = randomFloats(group.rank, 5000);
  await group.average(values);
  if (group.rank === which) await wrong(group);
  for (let k = 0; k < 1e6; k++) await group.average(values);
};

const TASKS = {
  operations: async (group: Group, { seed, lengths }: MpiInput) => {
    await checkGroup(group, seed!, lengths!);
    return `local rank ${localRank()}`;
  },
  average: async (group: Group, { seed, lengths }: MpiInput) => {
    const values = randomFloats(seed! + group.rank, lengths![0]);
    await group.average(values);
    return new Uint8Array(await crypto.subtle.digest("SHA-256", values)).toHex();
  },
  // The event loop goes on while a rank waits for another.
  turns: async (group: Group) => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    if (group.rank === 1) await new Promise((resolve) => setTimeout(resolve, 500));
    await group.average(new Float32Array(4_000_000));
    clearInterval(timer);
    return turns > 20 ? "turned" : `only ${turns} turns`;
  },
  throws: misbehave(() => {
    throw new Error("out of luck");
  }),
  fails: misbehave(async (group) => {
    await group.fail("device lost");
    await new Promise((resolve) => setTimeout(resolve, 2000));
    Deno.exit(4);
  }),
  killed: misbehave(() => Deno.kill(Deno.pid, "SIGKILL")),
  exits: misbehave(() => Deno.exit(0)),
  stays: misbehave(() => new Promise(() => setInterval(() => {}, 1000))),
  differs: async (group: Group, { which }: MpiInput) => {
    if (group.rank === which) await group.barrier();
    else await group.sum(new Float32Array(7));
  },
};

const input: MpiInput = JSON.parse(Deno.args[0]);
const group = await MpiGroup.join({ timeout: input.timeout ?? 60 });
try {
  const result = await TASKS[input.task](group, input);
  await group.close();
  console.log(`rank ${group.rank} of ${group.size}: ${result}`);
} catch (error) {
  if (!(error instanceof GroupFailure)) await group.fail(error instanceof Error ? error.message : String(error));
  console.log(`rank ${group.rank}: ${error instanceof Error ? error.message : error}`);
  // A while for the others to say what they heard: the launcher ends them as soon as one has ended badly.
  await new Promise((resolve) => setTimeout(resolve, 500));
  Deno.exit(3);
}
