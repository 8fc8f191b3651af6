import assert from "node:assert/strict";
import { choiceName } from "../../lib/gpu/conv_choice.ts";
import { ConvChoices } from "../../lib/gpu/conv_choices.ts";
import type { ConvLayer } from "../../lib/gpu/conv_layer.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { describeTuned, tune } from "../../lib/gpu/tuner.ts";
import * as tf from "../../lib/deps/tfjs.ts";

const LAYER: ConvLayer = { batch: 1, input: [4, 4, 4], output: [2, 2, 4], filter: [3, 3], stride: 2, pad: 1 };

Deno.test("tune() times the choices of a pass, takes one of them, and keeps no tensors", async () => {
  const gpu = await startWebGPU();
  const before = tf.memory().numTensors;
  const seen: string[] = [];
  const [tuned, ...more] = await tune(gpu, [{ layer: LAYER, pass: "forward" }], {
    report: (done, total, name) => seen.push(`${done}/${total} ${name}`),
  });
  assert.equal(more.length, 0);
  assert.ok(tuned.milliseconds > 0);
  assert.deepEqual(seen, ["0/1 forward 3x3 4->4 on 2x2", "1/1 "]);
  assert.deepEqual(gpu.choices.of(LAYER, "forward"), tuned.choice);
  assert.match(describeTuned(tuned), /^forward 3x3 4->4 on 2x2: direct \d+x\d+, [\d.]+ ms$/);
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("tune() leaves what is left when its time is up to the defaults, and stops when told", async () => {
  const gpu = await startWebGPU();
  let now = 0;
  const clock = () => (now += 2000);
  const passes = [{ layer: LAYER, pass: "forward" }, { layer: LAYER, pass: "input" }] as const;
  assert.equal((await tune(gpu, passes, { budget: 3, clock })).length, 1);
  assert.equal((await tune(gpu, passes, { signal: AbortSignal.abort() })).length, 0);
});

Deno.test("choices have names of their own, the default first; a name finds its choice again", async () => {
  const { adapter } = await startWebGPU();
  const layer: ConvLayer = { ...LAYER, input: [8, 8, 32], output: [8, 8, 32], stride: 1 };
  for (const family of ["registers", "workgroup"] as const) {
    const choices = new ConvChoices(adapter);
    choices.family = family;
    for (const pass of ["forward", "input", "filter"] as const) {
      const all = choices.all(layer, pass);
      assert.equal(new Set(all.map(choiceName)).size, all.length);
      assert.deepEqual(choices.of(layer, pass), all[0]);
      assert.ok(choices.setByName(layer, pass, choiceName(all[all.length - 1])));
      assert.deepEqual(choices.of(layer, pass), all[all.length - 1]);
      assert.ok(!choices.setByName(layer, pass, "by hand"));
    }
    assert.equal(choices.asked.size, 3);
  }
});

Deno.test("a layer that Winograd's method is not for has no such choice", async () => {
  const choices = new ConvChoices((await startWebGPU()).adapter);
  for (const other of [LAYER, { ...LAYER, stride: 1, filter: [1, 1] as const, pad: 0, output: LAYER.input }]) {
    assert.ok(choices.all(other, "forward").every(({ method }) => method !== "winograd"));
  }
});
