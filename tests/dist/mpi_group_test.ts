import assert from "node:assert/strict";
import type { MpiInput } from "./mpi_program.ts";
import { noMpi, runTask } from "./mpi_job.ts";
import { randomFloats } from "./group_cases.ts";
import { localRank } from "../../lib/dist/local_rank.ts";
import { startMpi } from "../../lib/dist/mpi_library.ts";
import { reduceParts } from "../../lib/dist/reduce_parts.ts";
import { InputError } from "../../lib/errors.ts";
import { TEST_SEED } from "../gpu/test_seed.ts";

/** A test of jobs, where there is Open MPI. */
function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `MpiGroup: ${name}${noMpi}`, ignore: noMpi !== "", fn });
}

for (const size of [1, 2, 3]) {
  test(`every operation of ${size} ranks gives the bits of the same done plainly`, async () => {
    // 2^18 floats is what is reduced at once.
    const lengths = [0, 1, 2, 7, 1000, 4097, 262_144, 262_145, 530_001];
    const { code, lines, errors } = await runTask(size, { task: "operations", seed: TEST_SEED, lengths });
    assert.equal(code, 0, errors);
    assert.deepEqual(lines, Array.from({ length: size }, (_, rank) => `rank ${rank} of ${size}: local rank ${rank}`));
  });
}

test("an average has the bits of the same by ranks in workers", async () => {
  const length = 300_001;
  const { code, lines, errors } = await runTask(3, { task: "average", seed: TEST_SEED, lengths: [length] });
  assert.equal(code, 0, errors);
  const parts = [0, 1, 2].map((rank) => randomFloats(TEST_SEED + rank, length));
  reduceParts(parts, [parts[0]], "average");
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", parts[0])).toHex();
  assert.deepEqual(lines, [0, 1, 2].map((rank) => `rank ${rank} of 3: ${hash}`));
});

test("the event loop goes on while ranks wait and average", async () => {
  const { code, lines, errors } = await runTask(2, { task: "turns" });
  assert.equal(code, 0, errors);
  assert.deepEqual(lines, ["rank 0 of 2: turned", "rank 1 of 2: turned"]);
});

const WRONG: [MpiInput["task"], string][] = [["throws", "out of luck"], ["fails", "device lost"]];
for (const [task, reason] of WRONG) {
  test(`a rank that ${task} ends the others, which know its number and reason`, async () => {
    const { code, lines } = await runTask(3, { task, which: 1 });
    assert.notEqual(code, 0);
    assert.deepEqual(lines.filter((line) => /^rank [02]/.test(line)), [
      `rank 0: rank 1 failed: ${reason}`,
      `rank 2: rank 1 failed: ${reason}`,
    ]);
  });
}

for (const task of ["killed", "exits"] as const) {
  test(`a rank that ${task} ends the job, and the launcher names it`, async () => {
    const { code, errors } = await runTask(3, { task, which: 1 });
    assert.notEqual(code, 0);
    assert.match(errors, /process rank 1 with PID/);
  });
}

test("a rank that stays away is named when the time limit is over", async () => {
  const { code, lines } = await runTask(3, { task: "stays", which: 1, timeout: 2 });
  assert.notEqual(code, 0);
  assert.deepEqual(
    lines,
    [0, 2].map((rank) => `rank ${rank}: rank 1 failed: did not come to average() of 5000 within 2 s`),
  );
});

test("ranks that come for different things are told which", async () => {
  const { code, lines } = await runTask(2, { task: "differs", which: 1 });
  assert.notEqual(code, 0);
  assert.ok(lines.length > 0);
  for (const line of lines) {
    assert.match(
      line,
      /failed: it came to (barrier\(\) while rank 0 came to sum\(\) of 7|sum\(\) of 7 while rank 1 came to barrier\(\))$/,
    );
  }
});

Deno.test("startMpi() says in one line what is missing", () => {
  const none = () => undefined;
  const launched = (name: string) => name === "OMPI_COMM_WORLD_SIZE" ? "2" : undefined;
  const cases: [() => unknown, RegExp][] = [
    [() => startMpi({ env: none }), /^Cannot start MPI: .* start the command by mpirun -np N or by srun --mpi=pmix$/],
    [
      () => startMpi({ env: launched, library: "libno-such-mpi.so.1" }),
      /^Cannot start MPI: expected Open MPI's libno-such-mpi\.so\.1, found none .*apt-get install openmpi-bin$/,
    ],
  ];
  for (const [start, message] of cases) {
    assert.throws(start, (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, message);
      return true;
    });
  }
});

Deno.test("localRank() reads what Open MPI, Slurm and Hydra tell; nothing else", () => {
  const read = (variables: Record<string, string>) => localRank((name) => variables[name]);
  assert.equal(read({ OMPI_COMM_WORLD_LOCAL_RANK: "2", SLURM_LOCALID: "1" }), 2);
  assert.equal(read({ SLURM_LOCALID: "1" }), 1);
  assert.equal(read({ MPI_LOCALRANKID: "0" }), 0);
  assert.equal(read({ SLURM_LOCALID: "x" }), undefined);
  assert.equal(read({}), undefined);
});
