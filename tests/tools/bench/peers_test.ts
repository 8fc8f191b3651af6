import assert from "node:assert/strict";
import { startWebGPU } from "../../../lib/gpu/start_webgpu.ts";
import { type TrainingShape, TrainingSides } from "../../../tools/bench/training_sides.ts";
import { findTorch, TorchPeer } from "../../../tools/peers/torch_peer.ts";

const TINY: Omit<TrainingShape, "model"> = {
  width: 0.0625,
  imageSize: 16,
  classes: 20,
  batch: 4,
  embeddingSize: 16,
  rate: 0.01,
};

/** Steps after which losses are compared: the second tells whether the gradients and the update are the same. */
const STEPS = 2;

const gpu = await startWebGPU();
const python = await findTorch();

/** Relative difference that float32 and other orders of sums explain: the scale of 64 makes small differences of cosines large. */
const CLOSE = 2e-3;

function assertClose(found: number[], expected: number[]): void {
  assert.equal(found.length, expected.length);
  found.forEach((value, i) =>
    assert.ok(Math.abs(value - expected[i]) <= CLOSE * Math.abs(expected[i]), `${found} is not ${expected}`)
  );
}

const skipped = python ? "" : " (PyTorch SKIPPED: no Python here has it)";

Deno.test(`the peers have our losses from our weights${skipped}`, async (test) => {
  await using torch = python === undefined ? undefined : new TorchPeer(python);
  for (const model of ["iresnet18", "mbf", undefined]) {
    await test.step(model ?? "the head alone", async () => {
      const sides = new TrainingSides(gpu, { ...TINY, model });
      try {
        // Before a step of ours: both begin with copies of these weights.
        const made = torch && await sides.openTorch(torch, { sameWeights: true });
        const stock: number[] = [];
        for (let i = 0; i < STEPS; i++) stock.push(await sides.stockStep());
        const ours: number[] = [];
        for (let i = 0; i < STEPS; i++) ours.push((await sides.step()).loss);
        assert.notEqual(ours[0], ours[1]);
        assertClose(stock, ours);
        if (!torch) return;
        if (model !== undefined) assert.equal(made!.parameters, sides.backbone.parameters.size);
        const theirs: number[] = [];
        for (let i = 0; i < STEPS; i++) theirs.push((await torch.step()).loss);
        assertClose(theirs, ours);
      } finally {
        sides.dispose();
      }
    });
  }
});
