import assert from "node:assert/strict";
import { WorkerPool } from "../../lib/data/worker_pool.ts";

/** A worker that doubles numbers, fails on 13 and dies of 666. */
const SOURCE = `
  import { serveWorker } from "${new URL("../../lib/data/worker_pool.ts", import.meta.url)}";
  import { InputError } from "${new URL("../../lib/errors.ts", import.meta.url)}";
  serveWorker((n) => {
    if (n === 13) throw new InputError("thirteen");
    if (n === 14) throw new TypeError("fourteen");
    if (n === 666) setTimeout(() => { throw new Error("struck down"); });
    if (n === 666) return new Promise(() => {});
    return { value: 2 * n, transfer: [] };
  });`;

async function withPool(count: number, body: (pool: WorkerPool<number, number>) => Promise<void>): Promise<void> {
  const file = Deno.makeTempFileSync({ suffix: ".ts" });
  try {
    Deno.writeTextFileSync(file, `// @ts-nocheck\n${SOURCE}`);
    using pool = new WorkerPool<number, number>(new URL(`file://${file}`), "doubling", count);
    await body(pool);
  } finally {
    Deno.removeSync(file);
  }
}

Deno.test("WorkerPool answers each request with its own reply", async () => {
  await withPool(3, async (pool) => {
    const numbers = Array.from({ length: 100 }, (_, i) => i + 100);
    assert.deepEqual(await Promise.all(numbers.map((n) => pool.run(n))), numbers.map((n) => 2 * n));
    await assert.rejects(pool.run(13), { name: "InputError", message: "thirteen" });
    await assert.rejects(pool.run(14), /doubling failed: fourteen/);
    assert.equal(await pool.run(4), 8);
  });
});

Deno.test("WorkerPool: a worker that dies rejects everything pending and everything later", async () => {
  await withPool(2, async (pool) => {
    assert.equal(await pool.run(1), 2);
    const pending = [pool.run(666), pool.run(666)];
    for (const result of await Promise.allSettled(pending)) {
      assert.equal(result.status, "rejected");
      assert.match(String((result as PromiseRejectedResult).reason), /a worker for doubling died: .*struck down/);
    }
    await assert.rejects(pool.run(2), /died/);
  });
});

Deno.test("WorkerPool: a worker that cannot start rejects", async () => {
  using pool = new WorkerPool<number, number>(new URL("file:///nowhere/worker.ts"), "nothing", 1);
  await assert.rejects(pool.run(1), /a worker for nothing died/);
});
