/// <reference lib="deno.worker" />
/** For worker_pool_test.ts: doubles numbers, fails on 13 and 14, dies of 666. */
import { serveWorker } from "../../lib/data/worker_pool.ts";
import { InputError } from "../../lib/errors.ts";

serveWorker<number, number>((n) => {
  if (n === 13) throw new InputError("thirteen");
  if (n === 14) throw new TypeError("fourteen");
  if (n === 666) {
    setTimeout(() => {
      throw new Error("struck down");
    });
    return new Promise(() => {});
  }
  return { value: 2 * n, transfer: [] };
});
