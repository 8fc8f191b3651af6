import assert from "node:assert/strict";
import { Random } from "../../lib/data/random.ts";
import * as fc from "../../lib/deps/fast_check.ts";
import * as tf from "../../lib/deps/tfjs.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { ClassSample, sampleClasses } from "../../lib/head/class_sample.ts";
import { classSoftmax } from "../../lib/head/class_softmax.ts";
import type { MarginOptions } from "../../lib/head/margin.ts";
import { outcome } from "./head_harness.ts";

const gpu = await startWebGPU();

Deno.test("sampleClasses() has every label of the share, is sorted, and depends on nothing but its arguments", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 50 }),
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.nat(300), { maxLength: 20 }),
      fc.nat(1000),
      (first, count, labels, step) => {
        const own = new Set(labels.filter((label) => label >= first && label < first + count));
        const size = Math.min(count, own.size + 7);
        const draw = () => sampleClasses({ first, count }, size, Int32Array.from(labels), { seed: 4, step });
        const ids = draw();
        assert.deepEqual(ids, draw());
        assert.ok(ids.every((id, i) => id >= first && id < first + count && (i === 0 || id > ids[i - 1])));
        for (const label of own) assert.ok(ids.includes(label));
      },
    ),
    { seed: 6, numRuns: 100 },
  );
  const rest = (step: number) => sampleClasses({ first: 0, count: 100 }, 10, new Int32Array(), { seed: 1, step });
  assert.notDeepEqual(rest(1), rest(2));
});

Deno.test("a softmax over a sample is one over a table of its rows; hardness is of all; others stay as they are", async () => {
  const [batch, classes, dim] = [5, 200, 8];
  const random = new Random(12, 1);
  const table = (rows: number) =>
    tf.tensor2d(Float32Array.from({ length: rows * dim }, () => random.range(-1, 1)), [rows, dim]);
  const [embeddings, weight, centers] = [batch, classes, classes].map(table);
  const centerValues = centers.dataSync();
  const velocity = tf.fill([classes, dim], 0.01);
  const before = await gpu.kernels.readAll([weight, velocity]);
  const labels = Int32Array.of(3, 150, 3, 77, 199);
  const sample = new ClassSample(gpu, { first: 0, count: classes }, 0.2, batch, 8);
  sample.draw(labels, 3);
  const ids = sampleClasses({ first: 0, count: classes }, 40, labels, { seed: 8, step: 3 });
  const [small, smallVelocity] = [weight, velocity].map((whole) => tf.gather(whole, tf.tensor1d(ids, "int32")));
  const hyper = tf.tensor1d([0.1, 0.9, 0.05]);
  let told: tf.Tensor | undefined;
  const options: MarginOptions = {
    scale: 16,
    kind: "angular",
    decide: ({ targetCosines, hardness }) => {
      if (hardness) told = tf.keep(tf.stack([hardness.least, hardness.most, hardness.mean]));
      const fixed = tf.scalar(0.3);
      return {
        ofSamples: tf.fill(targetCosines.shape, 0.3),
        report: { t: fixed, mean: fixed, max: fixed, min: fixed },
      };
    },
  };
  const found = await outcome(gpu, () => {
    const all = { ...options, centers: [centers] };
    const update = { hyper, velocities: [velocity] };
    return classSoftmax(gpu, embeddings, [weight], tf.tensor1d(labels, "int32"), all, { update, sample });
  }, [embeddings]);
  const places = tf.tensor1d(labels.map((label) => ids.indexOf(label)), "int32");
  const expected = await outcome(gpu, () => {
    const update = { hyper, velocities: [smallVelocity] };
    return classSoftmax(gpu, embeddings, [small], places, options, { update });
  }, [embeddings]);
  assert.deepEqual(found, expected);

  const hardness = Array.from({ length: classes }, (_, c) => 1 - cosine(before[0], centerValues, c * dim, dim));
  const facts = [Math.min(...hardness), Math.max(...hardness), hardness.reduce((a, b) => a + b) / classes];
  (await gpu.kernels.read(told!)).forEach((value, i) => assert.ok(Math.abs(value - facts[i]) < 1e-5, `${facts}`));

  const after = await gpu.kernels.readAll([weight, velocity, small, smallVelocity]);
  for (let c = 0; c < classes; c++) {
    const place = ids.indexOf(c);
    for (const k of [0, 1]) {
      const row = (values: Float32Array, i: number) => values.subarray(i * dim, (i + 1) * dim);
      assert.deepEqual(row(after[k], c), place >= 0 ? row(after[2 + k], place) : row(before[k], c));
    }
  }
  sample.dispose();
  tf.dispose([embeddings, weight, centers, velocity, small, smallVelocity, hyper, places, told!]);
});

function cosine(a: ArrayLike<number>, b: ArrayLike<number>, from: number, count: number): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = from; i < from + count; i++) [ab, aa, bb] = [ab + a[i] * b[i], aa + a[i] ** 2, bb + b[i] ** 2];
  return ab / Math.sqrt(aa * bb);
}
