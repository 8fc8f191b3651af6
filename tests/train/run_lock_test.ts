import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { RunLock } from "../../lib/train/run_lock.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("RunLock lets one in at a time, and the next one when it is let go", () =>
  withFolder((folder) => {
    {
      using _lock = RunLock.acquire(folder);
      assert.throws(
        () => RunLock.acquire(folder),
        (error) => error instanceof InputError && /another process is at work there; wait/.test(error.message),
      );
    }
    RunLock.acquire(folder)[Symbol.dispose]();
  }));

Deno.test("RunLock.acquire() says why it cannot", () =>
  withFolder((folder) => {
    assert.throws(
      () => RunLock.acquire(`${folder}/none`),
      (error) => error instanceof InputError && /Cannot train in .*none: no such file or folder/.test(error.message),
    );
  }));
