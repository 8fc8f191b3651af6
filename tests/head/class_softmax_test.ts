import assert from "node:assert/strict";
import { Random } from "../../lib/data/random.ts";
import * as tf from "../../lib/deps/tfjs.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { classSoftmax } from "../../lib/head/class_softmax.ts";
import type { HeadStep } from "../../lib/head/head.ts";
import type { MarginKind, MarginOptions } from "../../lib/head/margin.ts";
import { plainSoftmax } from "../../lib/head/plain_softmax.ts";

const gpu = await startWebGPU();

/** Loss, metrics and gradients of one formulation. */
async function outcome(
  step: (e: tf.Tensor2D, w: tf.Tensor2D) => HeadStep,
  embeddings: tf.Tensor2D,
  weight: tf.Tensor2D,
): Promise<Float32Array[]> {
  let metrics: tf.Tensor | undefined;
  const { value, grads } = (tf.engine() as unknown as {
    gradients(f: () => tf.Tensor, xs: tf.Tensor[]): { value: tf.Tensor; grads: tf.Tensor[] };
  }).gradients(() => {
    const result = step(embeddings, weight);
    metrics = result.metrics;
    return result.loss;
  }, [embeddings, weight]);
  const values = await gpu.kernels.readAll([value, metrics!, ...grads]);
  tf.dispose([value, metrics!, grads]);
  return values;
}

for (const kind of ["angular", "additive"] as MarginKind[]) {
  for (const [batch, classes, dim] of [[5, 131, 8], [16, 257, 32], [1, 64, 4], [9, 192, 12]]) {
    Deno.test(`classSoftmax() over several ranges is plainSoftmax(): ${kind}, ${batch} of ${classes}x${dim}`, async () => {
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
        centers,
        decide: (facts) => {
          hardness.push(tf.keep(facts.hardness!.clone()));
          const margins = facts.hardness!.mul(0.1).add(0.2);
          const report = { t: tf.scalar(0), mean: margins.mean(), max: margins.max(), min: margins.min() };
          return { ofSamples: tf.gather(margins, labels) as tf.Tensor1D, report: report as never };
        },
      };
      const plain = await outcome((e, w) => plainSoftmax(e, w, labels, options), embeddings, weight);
      const limits = { perBinding: 128, perGradient: 64 };
      const ranged = await outcome((e, w) => classSoftmax(gpu, e, w, labels, options, limits), embeddings, weight);
      const tables = await gpu.kernels.readAll(hardness);
      for (
        const [name, ours, reference] of [
          ["loss", ranged[0], plain[0]],
          ["metrics", ranged[1], plain[1]],
          ["gradient of embeddings", ranged[2], plain[2]],
          ["gradient of weight", ranged[3], plain[3]],
          ["hardness", tables[1], tables[0]],
        ] as const
      ) {
        const typical = Math.sqrt(reference.reduce((sum, x) => sum + x * x, 0) / reference.length) || 1;
        const error = Math.max(...reference.map((x, i) => Math.abs(x - ours[i]) / typical));
        assert.ok(error < 2e-5, `${name}: error ${error}`);
      }
      tf.dispose([embeddings, weight, centers, labels, hardness]);
    });
  }
}
