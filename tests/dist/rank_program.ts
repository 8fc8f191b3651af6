import type { Group } from "../../lib/dist/group.ts";
import { checkGroup, randomFloats } from "./group_cases.ts";
import { type Rank, serveRank } from "../../lib/dist/serve_rank.ts";
import { InputError } from "../../lib/errors.ts";

/** What the ranks are to do; `which` is the rank that misbehaves. */
export interface RankInput {
  readonly task: keyof typeof TASKS;
  readonly which?: number;
  readonly seed?: number;
  readonly lengths?: readonly number[];
}

type TestRank = Rank<RankInput, unknown>;

/** The misbehaving rank does `wrong`; the others wait for it in an average, over and over. */
const misbehave = (wrong: (group: Group) => unknown) => async (rank: TestRank) => {
  const group = await rank.join("here");
  const values = randomFloats(rank.rank, 5000);
  await group.average(values);
  if (rank.rank === rank.input.which) await wrong(group);
  for (let k = 0; k < 1e6; k++) await group.average(values);
};
const forever = () => new Promise(() => setInterval(() => {}, 1000));

const TASKS = {
  operations: async (rank: TestRank) => {
    const group = await rank.join("here");
    await checkGroup(group, rank.input.seed!, rank.input.lengths!);
    return rank.rank;
  },
  average: async (rank: TestRank) => {
    const group = await rank.join("here");
    const values = randomFloats(rank.input.seed! + rank.rank, rank.input.lengths![0]);
    await group.average(values);
    return values;
  },
  throws: misbehave(() => {
    throw new Error("out of luck");
  }),
  refuses: misbehave(() => {
    throw new InputError("Cannot read x: expected y, found z");
  }),
  rejects: misbehave(() => {
    void Promise.reject(new Error("nobody caught this"));
    return forever();
  }),
  closes: misbehave(() => self.close()),
  exits: misbehave(() => Deno.exit(3)),
  stays: misbehave(forever),
  blocks: misbehave(() => {
    for (;;);
  }),
  // As when a device is lost while a step waits for it for ever.
  fails: misbehave(async (group) => {
    await group.fail("device lost");
    await forever();
  }),
  differs: async (rank: TestRank) => {
    const group = await rank.join("here");
    if (rank.rank === rank.input.which) await group.barrier();
    else await group.sum(new Float32Array(7));
  },
  lengths: async (rank: TestRank) => {
    const group = await rank.join("here");
    await group.sum(new Float32Array(rank.rank === rank.input.which ? 8 : 7));
  },
  opens: async (rank: TestRank) => {
    if (rank.rank === rank.input.which) await forever();
    await rank.join("here");
    return rank.rank;
  },
  seats: async (rank: TestRank) => {
    // The variable holds until every earlier rank has opened, and is another one's afterwards.
    const group = await rank.join(Deno.env.get("CENTERBIAS_TEST_SEAT") ?? "none");
    await group.barrier();
    return Deno.env.get("CENTERBIAS_TEST_SEAT") ?? "none";
  },
  talks: async (rank: TestRank) => {
    const heard = Promise.withResolvers<unknown>();
    rank.onMessage = heard.resolve;
    await rank.join("here");
    rank.post(`rank ${rank.rank} of ${rank.size}`);
    return await heard.promise;
  },
};

serveRank<RankInput>((rank) => TASKS[rank.input.task](rank));
