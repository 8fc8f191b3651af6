import assert from "node:assert/strict";
import { noMpi, runJob } from "./mpi_job.ts";
import { makeSoftwareAdapters, noSoftwareAdapters, type SoftwareAdapters } from "../gpu/software_adapters.ts";
import { withFolder } from "../temporary_folder.ts";
import { GroupFailure } from "../../lib/dist/group_failure.ts";
import { launchRanks } from "../../lib/dist/launch_ranks.ts";
import { adapterSeats } from "../../lib/gpu/adapter_seats.ts";
import { adapterMismatch, chooseAdapters } from "../../lib/gpu/choose_adapters.ts";
import { listAdapters } from "../../lib/gpu/list_adapters.ts";
import { selectAdapter } from "../../lib/gpu/select_adapter.ts";

const COUNT = 5;
/** Of (1, 4, 9, …) and (4, 9, 16, …). */
const AVERAGED = Array.from({ length: COUNT }, (_, k) => ((k + 1) ** 2 + (k + 2) ** 2) / 2);
const PROGRAM = new URL("./adapter_rank.ts", import.meta.url);

interface Found {
  readonly name: string;
  readonly vendor: string;
  readonly device: string;
  readonly loaded: string[];
}

/** A test in an environment in which there are two software adapters. */
function test(name: string, skipped: string, fn: (software: SoftwareAdapters) => Promise<void>): void {
  Deno.test({
    name: `${name}${skipped}`,
    ignore: skipped !== "",
    fn: () =>
      withFolder(async (folder) => {
        const software = makeSoftwareAdapters(folder);
        const restore = selectAdapter(software);
        try {
          await fn(software);
        } finally {
          restore();
        }
      }),
  });
}

/** Numbers that went through an adapter's square root. */
function assertClose(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [k, value] of expected.entries()) assert.ok(Math.abs(found[k] - value) < 1e-3, `${found} for ${expected}`);
}

test("two workers compute on two adapters by two drivers", noSoftwareAdapters, async ({ manifests, libraries }) => {
  const chosen = chooseAdapters("all", listAdapters());
  assert.deepEqual(chosen.map(({ manifest }) => manifest), manifests);
  const seats = adapterSeats(chosen);
  const loaded: string[][] = [];
  using run = launchRanks<number[]>(PROGRAM, {
    seats,
    input: { count: COUNT },
    timeout: 60,
    confirm: (rank, found) => {
      loaded.push((found as Found).loaded);
      return adapterMismatch(seats[rank].listed, found as Found);
    },
  });
  for (const averaged of await run.results) assertClose(averaged, AVERAGED);
  // The second rank's driver was loaded when it opened its adapter, and not before.
  assert.deepEqual(loaded, [[libraries[0]], [...libraries].sort()]);
});

test("--adapters in the other order, and several workers on one adapter", noSoftwareAdapters, async ({ libraries }) => {
  const loaded: string[][] = [];
  using run = launchRanks<number[]>(PROGRAM, {
    seats: adapterSeats(chooseAdapters("1"), 3),
    input: { count: COUNT },
    timeout: 60,
    confirm: (_rank, found) => {
      loaded.push((found as Found).loaded);
      return undefined;
    },
  });
  const averaged = Array.from({ length: COUNT }, (_, k) => ((k + 1) ** 2 + (k + 2) ** 2 + (k + 3) ** 2) / 3);
  for (const found of await run.results) assertClose(found, averaged);
  assert.ok(loaded.every((one) => one.includes(libraries[1])));
});

test("a rank that gets another adapter than its seat's is refused", noSoftwareAdapters, async () => {
  const seats = adapterSeats(chooseAdapters("all").map((one) => ({ ...one, name: "GeForce", vendor: 0x10de })));
  using run = launchRanks(PROGRAM, {
    seats,
    input: { count: COUNT },
    confirm: (rank, found) => adapterMismatch(seats[rank].listed, found as Found),
  });
  await assert.rejects(run.results, {
    name: "GroupFailure",
    message:
      /^rank 0 \(adapter 0, GeForce\) failed: expected adapter 0, GeForce \(10de:0\), found llvmpipe .*\(10005:0\)$/,
  });
});

test("a lost device ends the ranks with its rank, adapter and reason", noSoftwareAdapters, async () => {
  const seats = adapterSeats(chooseAdapters("all"));
  using run = launchRanks(PROGRAM, { seats, input: { count: COUNT, lose: 1 }, timeout: 60 });
  const error = await run.results.then(() => assert.fail("ended well"), (error) => error);
  assert.ok(error instanceof GroupFailure, String(error));
  assert.match(error.message, /^rank 1 \(adapter 1, llvmpipe .*\) failed: device lost: /);
});

test(
  "two ranks of mpirun compute on two adapters by two drivers",
  noSoftwareAdapters || noMpi,
  async ({ libraries, env }) => {
    const program = new URL("./mpi_adapter_program.ts", import.meta.url);
    const { code, lines, errors } = await runJob(2, program, [`${COUNT}`], env);
    assert.equal(code, 0, errors);
    assert.equal(lines.length, 2);
    for (const [rank, line] of lines.entries()) {
      const [name, loaded, averaged] = line.split(": ");
      assert.deepEqual([name, loaded], [`rank ${rank}`, libraries[rank]]);
      assertClose(averaged.split(" ").map(Number), AVERAGED);
    }
  },
);
