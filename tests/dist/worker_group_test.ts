import assert from "node:assert/strict";
import { checkGroup, randomFloats } from "./group_cases.ts";
import type { RankInput } from "./rank_program.ts";
import { GroupMemory } from "../../lib/dist/group_memory.ts";
import { WorkerGroup } from "../../lib/dist/worker_group.ts";
import { GroupFailure } from "../../lib/dist/group_failure.ts";
import { type LaunchOptions, launchRanks, type RankRun } from "../../lib/dist/launch_ranks.ts";
import { InputError } from "../../lib/errors.ts";
import { TEST_SEED } from "../gpu/test_seed.ts";

const PROGRAM = new URL("./rank_program.ts", import.meta.url);

function launch<Result>(
  count: number,
  input: RankInput,
  options: Partial<LaunchOptions<unknown>> = {},
): RankRun<Result> {
  const seats = Array.from({ length: count }, (_, k) => ({ adapter: `seat ${k}` }));
  return launchRanks<Result>(PROGRAM, { seats, input, timeout: 60, ...options });
}

/** The failure of ranks of which rank `which` does `task`. */
async function failure(
  task: RankInput["task"],
  count: number,
  which: number,
  options?: Partial<LaunchOptions<unknown>>,
) {
  using run = launch(count, { task, which }, options);
  return await run.results.then(() => assert.fail(`${task} of rank ${which} of ${count} ended well`), (error) => error);
}

for (const size of [1, 2, 3]) {
  Deno.test(`WorkerGroup: every operation of ${size} ranks gives the bits of the same done plainly`, async () => {
    // 2^18 floats is what passes through the window at once.
    using run = launch(size, {
      task: "operations",
      seed: TEST_SEED,
      lengths: [0, 1, 2, 7, 1000, 4097, 262_144, 262_145, 530_001],
    });
    assert.deepEqual(await run.results, Array.from({ length: size }, (_, rank) => rank));
  });
}

Deno.test("WorkerGroup: an average is the same on all ranks, bit for bit", async () => {
  using run = launch<Float32Array>(3, { task: "average", seed: 5, lengths: [300_001] });
  const [first, ...others] = await run.results;
  assert.notDeepEqual(first.subarray(0, 9), randomFloats(5, 9));
  for (const other of others) assert.deepEqual(new Uint32Array(other.buffer), new Uint32Array(first.buffer));
});

Deno.test("WorkerGroup: groups of one thread meet, and a rank that fails is named to all", async () => {
  const memory = GroupMemory.allocate(2);
  const buffers: SharedArrayBuffer[][] = [];
  const asked = [0, 0];
  const groups = [0, 1].map((rank) =>
    new WorkerGroup({
      rank,
      memory,
      limit: 20_000,
      allocate: (bytes) => Promise.resolve(buffers[asked[rank]++] ??= [0, 1].map(() => new SharedArrayBuffer(bytes))),
    })
  );
  await Promise.all(groups.map((group) => checkGroup(group, 11, [5, 300_000])));
  const pending = groups[0].barrier();
  await groups[1].fail("the wrong trousers");
  const expected = { name: "GroupFailure", rank: 1, reason: "the wrong trousers" };
  await assert.rejects(pending, expected);
  for (const group of groups) {
    await assert.rejects(group.barrier(), expected);
    await assert.rejects(group.sum(new Float32Array(3)), expected);
    assert.throws(() => group.check(), expected);
  }
  // The first failure is kept.
  await groups[0].fail("later");
  assert.equal(memory.failure()!.reason, "the wrong trousers");
});

const WRONG: [RankInput["task"], RegExp][] = [
  ["throws", /out of luck/],
  ["rejects", /nobody caught this/],
  ["closes", /its worker was closed/],
  ["exits", /its worker ended with exit code 3/],
  ["fails", /device lost/],
];
for (const [task, reason] of WRONG) {
  Deno.test(`WorkerGroup: a rank that ${task} ends the others at once, with its number, seat and reason`, async () => {
    for (const [count, which] of [[1, 0], [2, 1], [3, 0]]) {
      // Within the grace, although operations may wait for a minute.
      const error = await failure(task, count, which, { grace: 1 });
      assert.ok(error instanceof GroupFailure, String(error));
      assert.equal(error.rank, which);
      assert.match(error.reason, reason);
      assert.ok(error.message.startsWith(`rank ${which} (seat ${which}) failed: `), error.message);
    }
  });
}

Deno.test("WorkerGroup: what a user can mend stays an InputError", async () => {
  const error = await failure("refuses", 2, 1);
  assert.ok(error instanceof InputError);
  assert.equal(error.message, "rank 1 (seat 1): Cannot read x: expected y, found z");
});

Deno.test("WorkerGroup: that a user can mend it is known to whoever hears of the failure, not from the failing rank alone", () => {
  const memory = GroupMemory.allocate(2);
  assert.equal(memory.isInputFailure, false);
  memory.abort(1, "Cannot read x: expected y, found z", { isInput: true });
  memory.abort(1, "Cannot read x: expected y, found z");
  assert.equal(memory.isInputFailure, true);
  const other = GroupMemory.allocate(2);
  other.abort(0, "device lost");
  other.abort(1, "Cannot read x", { isInput: true });
  assert.deepEqual([other.isInputFailure, other.failure()!.rank], [false, 0]);
});

for (const task of ["stays", "blocks"] as const) {
  Deno.test(`WorkerGroup: a rank that ${task} away is named when the time limit is over`, async () => {
    const error = await failure(task, 3, 1, { timeout: 0.5, grace: 0.2 });
    assert.ok(error instanceof GroupFailure, String(error));
    assert.equal(error.message, "rank 1 (seat 1) failed: did not come to average() of 5000 within 0.5 s");
  });
}

Deno.test("WorkerGroup: ranks that come for different things are told which", async () => {
  for (const task of ["differs", "lengths"] as const) {
    const error = await failure(task, 2, 1);
    assert.ok(error instanceof GroupFailure, String(error));
    const other = task === "differs" ? "barrier\\(\\)" : "sum\\(\\) of 8";
    assert.match(
      error.reason,
      new RegExp(
        `came to ${other} while rank 0 came to sum\\(\\) of 7|came to sum\\(\\) of 7 while rank 1 came to ${other}`,
      ),
    );
  }
});

Deno.test("launchRanks(): ranks that were closed say so, and nothing waits for them", async () => {
  for (const task of ["stays", "blocks", "opens"] as const) {
    const run = launch(2, { task, which: 1 });
    await new Promise((resolve) => setTimeout(resolve, 300));
    run.close();
    await assert.rejects(run.results, /the ranks were closed/);
  }
});

Deno.test("launchRanks(): a rank that does not open its adapter is named", async () => {
  const error = await failure("opens", 3, 1, { openTimeout: 0.5 });
  assert.equal(error.message, "rank 1 (seat 1) failed: did not open its adapter within 0.5 s");
});

Deno.test("launchRanks(): each rank opens under its seat's selection, and what it opened is confirmed", async () => {
  const NAME = "CENTERBIAS_TEST_SEAT";
  const seats = ["a", "b", "c"].map((value) => ({
    adapter: value,
    select: () => {
      Deno.env.set(NAME, value);
      return () => Deno.env.delete(NAME);
    },
  }));
  const seen: unknown[] = [];
  const confirm = (_rank: number, found: unknown) => {
    seen.push(found);
    return undefined;
  };
  {
    using run = launch(3, { task: "seats" }, { seats, confirm });
    assert.deepEqual(await run.results, ["none", "none", "none"]);
    assert.deepEqual(seen, ["a", "b", "c"]);
  }
  const error = await failure("seats", 3, 0, {
    seats,
    confirm: (rank) => rank === 1 ? "expected d, found b" : undefined,
  });
  assert.equal(error.message, "rank 1 (b) failed: expected d, found b");
  assert.equal(Deno.env.get(NAME), undefined);
});

Deno.test("launchRanks(): ranks and launcher talk", async () => {
  const heard: unknown[] = [];
  const enough = Promise.withResolvers<void>();
  using run = launch(2, { task: "talks" }, {
    onMessage: (rank, message) => {
      heard[rank] = message;
      if (heard[0] && heard[1]) enough.resolve();
    },
  });
  await enough.promise;
  run.post("to one", 1);
  run.post("to all");
  assert.deepEqual(await run.results, ["to all", "to one"]);
  assert.deepEqual(heard, ["rank 0 of 2", "rank 1 of 2"]);
});

Deno.test("launchRanks(): a module that is not there, and no seat at all, are told", async () => {
  using run = launchRanks(new URL("no_such_program.ts", PROGRAM), { seats: [{ adapter: "x" }] });
  await assert.rejects(run.results, /^GroupFailure: rank 0 \(x\) failed: .*no_such_program/);
  assert.throws(() => launchRanks(PROGRAM, { seats: [] }), InputError);
});
