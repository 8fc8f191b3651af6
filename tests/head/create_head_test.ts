import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { Random } from "../../lib/data/random.ts";
import { InputError } from "../../lib/errors.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createHead, HEADS } from "../../lib/head/create_head.ts";
import { AGAIN, TEST_SEED } from "../gpu/test_seed.ts";
import { headWith, randomMatrix, runStep } from "./head_harness.ts";
import { classMargins, cosines, lossOf, type Matrix, movedCenters, movedT, numericGradient } from "./head_reference.ts";

/** The same cases for every head. */
const SCALE = 24, MARGIN = 0.4, M_M = 0.2, MU = 0.9;

/** Largest difference. */
function worst(found: Float32Array, expected: number[]): number {
  return Math.max(...expected.map((value, i) => Math.abs(found[i] - value)));
}

/**
 * The largest difference that float32 explains in a gradient by the rows of `at`: 2e-5 of the largest number, and, where a
 * sample is all but certain, two roundings of its probability (next to 1, whatever is left of it), times scale over length.
 */
function bound(expected: number[], at: Matrix): number {
  const shortest = Math.min(...at.map((row) => Math.hypot(...row)));
  return 2e-5 * Math.max(...expected.map(Math.abs)) + 2 ** -22 * SCALE / shortest;
}

/** The margin of every class, as a head decides it at this step. */
function marginsOf(name: string, weight: Matrix, centers: Matrix, embeddings: Matrix, labels: number[]): number[] {
  if (name !== "center_bias") return weight.map(() => MARGIN);
  const targets = cosines(embeddings, weight).map((row, i) => row[labels[i]]);
  const moved = movedCenters(centers, embeddings, labels, MU, "last");
  return classMargins(weight, moved, movedT(0.5, targets, MU), MARGIN, M_M);
}

const OPTIONS = { scale: SCALE, margin: MARGIN, mM: M_M, centerMomentum: MU, t: 0.5 };

for (const name of HEADS) {
  const check = async (embeddings: Matrix, weight: Matrix, centers: Matrix, labels: number[]) => {
    const gpu = await startWebGPU();
    const head = headWith(gpu, name, weight, { ...OPTIONS, centers });
    const step = await runStep(gpu, head, embeddings, labels);
    const margins = marginsOf(name, weight, centers, embeddings, labels);
    const kind = name === "cosface" ? "additive" : "angular";
    const loss = () => lossOf(embeddings, weight, labels, { kind, scale: SCALE, margins });
    assert.ok(Math.abs(step.loss - loss()) <= 2e-6 * Math.max(1, loss()), `loss ${step.loss}, not ${loss()}; ${AGAIN}`);
    for (
      const [what, found, at] of [
        ["embeddings", step.embeddingGradient, embeddings],
        ["weight", step.weightGradient, weight],
      ] as const
    ) {
      const expected = numericGradient(loss, at);
      const error = worst(found, expected), most = bound(expected, at);
      assert.ok(error < most, `gradient of ${what}: off by ${error}, over ${most}; ${AGAIN}`);
    }
    const mean = margins.reduce((a, b) => a + b) / margins.length;
    assert.ok(Math.abs(step.mean - mean) < 1e-6 && Math.abs(step.max - Math.max(...margins)) < 1e-6);
    assert.ok(Math.abs(step.min - Math.min(...margins)) < 1e-6);
    const right = cosines(embeddings, weight).filter((row, i) => row[labels[i]] === Math.max(...row)).length;
    assert.equal(step.right, right);
    head.dispose();
  };

  Deno.test(`${name}: loss and gradients are those of the equations, on random inputs`, async () => {
    const random = new Random(TEST_SEED, HEADS.indexOf(name));
    for (const [batch, dim, classes] of [[6, 5, 4], [1, 8, 3], [9, 3, 7]]) {
      const labels = Array.from({ length: batch }, () => random.below(classes));
      const weight = randomMatrix(random, classes, dim);
      await check(randomMatrix(random, batch, dim), weight, randomMatrix(random, classes, dim), labels);
    }
  });

  Deno.test(`${name}: and on the far side of pi minus the margin, and close to the weight`, async () => {
    const random = new Random(TEST_SEED, 10 + HEADS.indexOf(name));
    const weight = randomMatrix(random, 4, 6);
    const labels = [0, 1, 2, 3];
    const embeddings = labels.map((label, i) =>
      weight[label].map((w) => Math.fround((i % 2 ? -2 : 2) * w + random.range(-0.1, 0.1)))
    );
    await check(embeddings, weight, randomMatrix(random, 4, 6), labels);
  });

  Deno.test(`${name}: at a cosine of exactly 1 or -1 it is finite, and as far as the equations go equal`, async () => {
    const weight = [[1, 0, 0, 0], [0, -2, 0, 0], [0.5, 0.5, -0.5, 0.25]];
    const embeddings = [[3, 0, 0, 0], [0, 0.5, 0, 0], [0, -4, 0, 0], [0.1, 0.2, 0.3, 0.4]];
    const labels = [0, 1, 1, 2]; // cosines 1, -1, 1, and one in between
    assert.deepEqual(cosines(embeddings, weight).slice(0, 3).map((row, i) => row[labels[i]]), [1, -1, 1]);
    await check(embeddings, weight, [[1, 1, 0, 0], [0, -1, 1, 0], [1, 0, 0, 1]], labels);
  });

  Deno.test(`${name}: embeddings that are a weight's own row, bit for bit, give finite gradients`, async () => {
    const gpu = await startWebGPU();
    const random = new Random(TEST_SEED, 20 + HEADS.indexOf(name));
    const weight = randomMatrix(random, 16, 64);
    const head = headWith(gpu, name, weight, OPTIONS);
    const labels = [...weight.keys(), ...weight.keys()];
    const embeddings = [...weight, ...weight.map((row) => row.map((w) => -w))];
    const step = await runStep(gpu, head, embeddings, labels);
    const values = [step.loss, step.t, ...step.embeddingGradient, ...step.weightGradient];
    assert.ok(values.every(Number.isFinite), AGAIN);
    // The singular term would be of the size scale * 1e3 and more.
    assert.ok(Math.max(...step.embeddingGradient.map(Math.abs)) < SCALE);
    head.dispose();
  });

  Deno.test(`${name}: an embedding or weight of zeros gives finite numbers`, async () => {
    const gpu = await startWebGPU();
    const head = headWith(gpu, name, [[0, 0], [1, 1]], OPTIONS);
    const step = await runStep(gpu, head, [[0, 0], [1, 0]], [1, 0]);
    assert.ok([step.loss, step.t, step.mean].every(Number.isFinite));
    assert.ok([...step.embeddingGradient, ...step.weightGradient].every((value) => !Number.isNaN(value)));
    head.dispose();
  });

  Deno.test(`${name}: one class has loss zero`, async () => {
    const gpu = await startWebGPU();
    const head = headWith(gpu, name, [[0.6, 0.8]], OPTIONS);
    const step = await runStep(gpu, head, [[1, 0], [0, -1]], [0, 0]);
    assert.ok(Math.abs(step.loss) < 1e-6);
    assert.ok([...step.embeddingGradient, ...step.weightGradient].every((value) => Math.abs(value) < 1e-6));
    assert.equal(step.right, 2);
    head.dispose();
  });

  Deno.test(`${name}: steps keep no tensors`, async () => {
    const gpu = await startWebGPU();
    const head = headWith(gpu, name, [[1, 0], [0, 1]], OPTIONS);
    await runStep(gpu, head, [[1, 0.5], [0.2, 1]], [0, 1]);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) await runStep(gpu, head, [[1, 0.5], [0.2, 1]], [0, 1]);
    assert.equal(tf.memory().numTensors, before);
    head.dispose();
  });

  Deno.test(`${name}: the same seed gives the same weights`, async () => {
    const gpu = await startWebGPU();
    const weights: Float32Array[] = [];
    for (const seed of [5, 5, 6]) {
      const head = createHead(gpu, name, { classes: 3, embeddingSize: 4, seed });
      weights.push((await head.parameters.state()).get("weight")!.data);
      head.dispose();
    }
    assert.deepEqual(weights[0], weights[1]);
    assert.notDeepEqual(weights[0], weights[2]);
    const bound = Math.sqrt(6 / 7);
    assert.ok(weights[0].every((value) => Math.abs(value) <= bound));
  });

  Deno.test(`createHead("${name}") refuses what it cannot be`, async () => {
    const gpu = await startWebGPU();
    const fine = { classes: 2, embeddingSize: 4 };
    for (
      const [options, found] of [
        [{ ...fine, classes: 0 }, /at least one class, found 0$/],
        [{ ...fine, classes: 1.5 }, /at least one class, found 1.5$/],
        [{ ...fine, embeddingSize: 0 }, /embedding size of at least 1, found 0$/],
        [{ ...fine, scale: 0 }, /scale over 0, found 0$/],
        [{ ...fine, scale: Infinity }, /scale over 0, found Infinity$/],
        [{ ...fine, margin: -0.1 }, /margin from 0 to under pi, found -0.1$/],
        [{ ...fine, margin: NaN }, /margin from 0 to under pi, found NaN$/],
        [{ ...fine, margin: 3, mM: 0.2 }, /margin \+ m_m under pi, found 0.2$/],
        [{ ...fine, centerMomentum: 1 }, /center momentum from 0 to under 1, found 1$/],
      ] as const
    ) {
      assert.throws(() => createHead(gpu, name, options), (error: Error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, new RegExp(`^Cannot make head ${name}: expected `));
        assert.match(error.message, found);
        return true;
      });
    }
  });
}

Deno.test("createHead() names the heads there are", async () => {
  const gpu = await startWebGPU();
  assert.throws(() => createHead(gpu, "toString", { classes: 2, embeddingSize: 4 }), {
    name: "InputError",
    message: "Cannot make head: expected one of center_bias, arcface, cosface, found toString",
  });
});
