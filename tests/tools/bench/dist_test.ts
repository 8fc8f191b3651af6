import assert from "node:assert/strict";
import { timeSides } from "../../../tools/bench/dist_times.ts";
import { soloGroup } from "../../../lib/dist/solo_group.ts";

Deno.test("bench dist averages over workers, times a copy, and says what it left out", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-A",
      "tools/bench.ts",
      "dist",
      "--floats",
      "1000",
      "--ranks",
      "3",
      "--runs",
      "2",
      "--json",
    ],
  }).output();
  const [out, said] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.ok(success, said);
  const lines = out.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines[0].name, "dist workers 1000 floats, 3 ranks");
  for (const key of ["ours_ms", "unshared_ms", "copy_ms", "gb_per_second"]) assert.ok(lines[0][key] > 0, key);
  if (lines[1].name.startsWith("dist mpi")) assert.ok(lines[1].allreduce_ms > 0);
  else assert.match(said, /Open MPI: left out, /);
  assert.equal(lines.at(-1)!.name, "dist there and back 1000 floats");
});

Deno.test("timeSides() runs sides in turn, after runs that do not count", async () => {
  const ran: string[] = [];
  const times = await timeSides(soloGroup(), {
    a: () => void ran.push("a"),
    b: () => Promise.resolve(void ran.push("b")),
  }, 3);
  assert.equal(ran.join(""), "ababababab");
  assert.deepEqual([times.a.length, times.b.length], [3, 3]);
});
