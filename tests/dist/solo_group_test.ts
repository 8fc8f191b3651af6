import assert from "node:assert/strict";
import { checkGroup } from "./group_cases.ts";
import { soloGroup } from "../../lib/dist/solo_group.ts";
import { TEST_SEED } from "../gpu/test_seed.ts";

Deno.test("soloGroup(): every operation gives what a group of one gives", async () => {
  const group = soloGroup();
  assert.deepEqual([group.rank, group.size], [0, 1]);
  await checkGroup(group, TEST_SEED, [0, 1, 7, 1000]);
  await group.close();
});

Deno.test("soloGroup() gives arrays of their own, and refuses after a failure", async () => {
  const group = soloGroup();
  const values = Float32Array.of(1, 2);
  const [gathered] = await group.allGather(values);
  gathered[0] = 5;
  assert.equal(values[0], 1);
  await group.fail("device lost");
  const expected = { name: "GroupFailure", rank: 0, reason: "device lost" };
  await assert.rejects(group.barrier(), expected);
  await assert.rejects(group.average(values), expected);
  assert.throws(() => group.check(), expected);
});
