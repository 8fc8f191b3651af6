import assert from "node:assert/strict";
import { WorkerPool } from "../../lib/data/worker_pool.ts";

/** A pool of workers that double numbers, fail on 13 and 14 and die of 666. */
function doubling(count: number): WorkerPool<number, number> {
  return new WorkerPool(new URL("./doubling_worker.ts", import.meta.url), "doubling", count);
}

Deno.test("WorkerPool answers each request with its own reply", async () => {
  using pool = doubling(3);
  const numbers = Array.from({ length: 100 }, (_, i) => i + 100);
  assert.deepEqual(await Promise.all(numbers.map((n) => pool.run(n))), numbers.map((n) => 2 * n));
  await assert.rejects(pool.run(13), { name: "InputError", message: "thirteen" });
  await assert.rejects(pool.run(14), /doubling failed: fourteen/);
  assert.equal(await pool.run(4), 8);
});

Deno.test("WorkerPool: a worker that dies rejects everything pending and everything later", async () => {
  using pool = doubling(2);
  assert.equal(await pool.run(1), 2);
  const pending = [pool.run(666), pool.run(666)];
  for (const result of await Promise.allSettled(pending)) {
    assert.equal(result.status, "rejected");
    assert.match(String((result as PromiseRejectedResult).reason), /a worker for doubling died: .*struck down/);
  }
  await assert.rejects(pool.run(2), /died/);
});

Deno.test("WorkerPool: a worker that cannot start rejects", async () => {
  using pool = new WorkerPool<number, number>(new URL("file:///nowhere/worker.ts"), "nothing", 1);
  await assert.rejects(pool.run(1), /a worker for nothing died/);
});
