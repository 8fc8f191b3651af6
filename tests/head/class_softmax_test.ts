import assert from "node:assert/strict";
import { Random } from "../../lib/data/random.ts";
import * as tf from "../../lib/deps/tfjs.ts";
import type { KernelFamily } from "../../lib/gpu/conv_choice.ts";
import { rowRanges } from "../../lib/gpu/row_ranges.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { classSoftmax } from "../../lib/head/class_softmax.ts";
import type { MarginKind, MarginOptions } from "../../lib/head/margin.ts";
import { plainSoftmax } from "../../lib/head/plain_softmax.ts";
import { outcome } from "./head_harness.ts";

const gpu = await startWebGPU();

/** Rows of a table as tensors of 128 rows. */
function inParts(table: tf.Tensor2D): tf.Tensor2D[] {
  const [rows, dim] = table.shape;
  return rowRanges(rows, 128).map(({ first, count }) => table.slice([first, 0], [count, dim]));
}

function joined(parts: Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

const KINDS: [MarginKind, KernelFamily][] = [["angular", "registers"], ["angular", "workgroup"], [
  "additive",
  "registers",
]];

for (const [kind, family] of KINDS) {
  for (const [batch, classes, dim] of [[5, 131, 8], [16, 257, 32], [1, 64, 4], [9, 192, 12]]) {
    Deno.test(`classSoftmax() over several ranges is plainSoftmax(): ${kind}, ${family}, ${batch} of ${classes}x${dim}`, async () => {
      gpu.choices.family = family;
      const random = new Random(33, batch, classes, dim);
      const numbers = (count: number) => Float32Array.from({ length: count }, () => 2 * random.next() / 2 ** 32 - 1);
      const embeddings = tf.tensor2d(numbers(batch * dim), [batch, dim]);
      const weight = tf.tensor2d(numbers(classes * dim), [classes, dim]);
      const centers = tf.tensor2d(numbers(classes * dim), [classes, dim]);
      const labels = tf.tensor1d(Array.from({ length: batch }, () => random.below(classes)), "int32");
      const hardness: tf.Tensor[] = [];
      const options: MarginOptions = {
        scale: 16,
        kind,
        centers: [centers],
        decide: (facts) => {
          const { ofSamples, mean, most, least } = facts.hardness!;
          hardness.push(tf.keep(tf.concat([ofSamples, tf.stack([mean, most, least])])));
          const marginOf = <T extends tf.Tensor>(value: T) => value.mul(0.1).add(0.2) as T;
          const report = { t: tf.scalar(0), mean: marginOf(mean), max: marginOf(most), min: marginOf(least) };
          return { ofSamples: marginOf(ofSamples), report };
        },
      };
      const plain = await outcome(gpu, () => plainSoftmax(embeddings, [weight], labels, options), [embeddings, weight]);
      // In parts of 128 classes, which ranges of 64 and of 128 go over.
      const limits = { perForward: 128, perGradient: 64 };
      const parted = { ...options, centers: inParts(centers) };
      const parts = inParts(weight);
      const ranged = await outcome(gpu, () => classSoftmax(gpu, embeddings, parts, labels, parted, limits), [
        embeddings,
        ...parts,
      ]);
      const whole = await outcome(gpu, () => classSoftmax(gpu, embeddings, [weight], labels, options, limits), [
        embeddings,
        weight,
      ]);
      assert.deepEqual(joined(ranged.slice(3)), whole[3]);
      assert.deepEqual(ranged.slice(0, 3), whole.slice(0, 3));
      // The same once more, with a step of SGD in the backward pass.
      const velocities = parts.map((part) => tf.fill(part.shape, 0.01));
      const update = { hyper: tf.tensor1d([0.1, 0.9, 0.05]), velocities };
      const stepped = await outcome(
        gpu,
        () => classSoftmax(gpu, embeddings, parts, labels, parted, { ...limits, update }),
        [embeddings],
      );
      assert.deepEqual(stepped, whole.slice(0, 3));
      const before = await weight.data() as Float32Array;
      const speed = before.map((w, i) => 0.9 * 0.01 + (plain[3][i] + 0.05 * w));
      const after = joined(await gpu.kernels.readAll(parts));
      const velocity = joined(await gpu.kernels.readAll(velocities));
      const tables = await gpu.kernels.readAll(hardness);
      for (
        const [name, ours, reference] of [
          ["loss", ranged[0], plain[0]],
          ["metrics", ranged[1], plain[1]],
          ["gradient of embeddings", ranged[2], plain[2]],
          ["gradient of weight", whole[3], plain[3]],
          ["weight after", after, before.map((w, i) => w - 0.1 * speed[i])],
          ["velocity after", velocity, speed],
          ["hardness", tables[1], tables[0]],
          ["hardness of the update", tables[3], tables[0]],
        ] as const
      ) {
        const typical = Math.sqrt(reference.reduce((sum, x) => sum + x * x, 0) / reference.length) || 1;
        const error = Math.max(...reference.map((x, i) => Math.abs(x - ours[i]) / typical));
        assert.ok(error < 2e-5, `${name}: error ${error}`);
      }
      tf.dispose([embeddings, weight, centers, labels, hardness, parts, parted.centers, update]);
    });
  }
}
