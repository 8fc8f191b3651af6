import assert from "node:assert/strict";
import { InputError } from "../../lib/errors.ts";
import { writeSafetensors } from "../../lib/model/safetensors.ts";
import { readCheckpoint, requireFinite } from "../../lib/train/checkpoint.ts";
import { freshState } from "../../lib/train/run_state.ts";
import { withFolder } from "../temporary_folder.ts";

Deno.test("requireFinite() names the value, its parameter and the step", () => {
  const weights = Float32Array.of(1, -0, 3e38, 1e-45);
  const state = new Map([["fc.weight", { shape: [4], data: weights }]]);
  requireFinite(state, "x", 5);
  for (const bad of [NaN, Infinity, -Infinity]) {
    weights[2] = bad;
    assert.throws(
      () => requireFinite(state, "run/x", 5),
      (error) =>
        error instanceof InputError &&
        error.message.startsWith(
          `Cannot write run/x: expected finite weights, found ${bad} in fc.weight (value 2) after step 5; nothing was written`,
        ),
    );
  }
});

Deno.test("readCheckpoint() refuses other files, and state that is none", () =>
  withFolder((folder) => {
    const path = `${folder}/checkpoint.safetensors`;
    const read = (metadata: Record<string, string>) => {
      writeSafetensors(path, new Map(), metadata);
      return readCheckpoint(path);
    };
    const whole = {
      format: "centerbias checkpoint 1",
      run_state: JSON.stringify({ ...freshState(), step: 3 }),
      run_identity: JSON.stringify({ seed: 21 }),
      adapter: "here",
    };
    const { state, identity, adapter } = read(whole);
    assert.deepEqual([state.step, identity.seed, adapter], [3, 21, "here"]);
    assert.throws(() => read({}), /Cannot read checkpoint .*: expected format "centerbias checkpoint 1", found none/);
    assert.throws(() => read({ ...whole, run_state: "{" }), /expected run_state and run_identity as JSON/);
    assert.throws(() => read({ ...whole, run_state: "null" }), /expected counts in run_state, found null/);
    assert.throws(() => read({ ...whole, run_state: '{"epoch":0,"step":-1}' }), /expected counts in run_state/);

    read(whole);
    const bytes = Deno.readFileSync(path);
    for (let at = 0; at < bytes.length; at += 13) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << at % 8;
      Deno.writeFileSync(path, flipped);
      try {
        // Only the name of the checksum itself is not covered by it.
        assert.deepEqual(readCheckpoint(path).state, state);
        assert.ok(at < 40, `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
      }
    }
  }));
