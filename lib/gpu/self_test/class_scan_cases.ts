import * as tf from "../../deps/tfjs.ts";
import {
  classRowsKernel,
  classTangentKernel,
  classUpdateKernel,
  paddedRowsKernel,
  targetCosineKernel,
} from "../kernels/class_rows.ts";
import { classGradientKernel, classScanKernel, joinScanKernel, scanStrips } from "../kernels/class_scan.ts";
import { inFours } from "../kernels/wgsl.ts";
import { rowDots } from "../ops/class_dots.ts";
import type { Gpu } from "../start_webgpu.ts";
import { type Comparison, exactly, type Expected, inFamily, type KernelCase } from "./kernel_case.ts";
import type { RandomValues } from "./random_values.ts";

/** Scale of the logits. */
const SCALE = 16;
/** What a place holds that a kernel must leave alone. */
const UNTOUCHED = 7;

/** The kernels of the softmax over classes, one range of classes from `first` on; two in three labels are in it. */
export function classScanCases(): KernelCase[] {
  return (["registers", "workgroup"] as const).flatMap((family) =>
    ([[1, 1, 4], [5, 13, 8], [16, 300, 32], [9, 64, 12], [6, 530, 520]] as const).map((shape): KernelCase => ({
      family,
      name: `class scan ${shape[0]} of ${shape[1]}x${shape[2]}${family === "workgroup" ? ", shared" : ""}`,
      run: (gpu, random) => inFamily(gpu, family, () => check(gpu, random, shape, family === "workgroup")),
    }))
  );
}

/** Sum of products, and the root of the sum of their squares. */
function dot(a: Float32Array, at: number, b: Float32Array, bt: number, dim: number): { sum: number; spread: number } {
  let sum = 0, squares = 0;
  for (let d = 0; d < dim; d++) {
    const term = a[at + d] * b[bt + d];
    sum += term;
    squares += term * term;
  }
  return { sum, spread: Math.sqrt(squares) };
}

async function check(
  gpu: Gpu,
  random: RandomValues,
  [batch, classes, dim]: readonly [number, number, number],
  shared: boolean,
): Promise<Comparison[]> {
  const first = 64;
  const columns = inFours(classes);
  const embeddings = random.values(batch * dim), weight = random.values(classes * dim);
  const centers = random.values(classes * dim), toward = random.values(columns * dim);
  const velocity = random.values(classes * dim), hyper = [0.1, 0.9, 5e-4];
  const phi = random.values(batch), slope = random.values(batch), upstream = 0.5;
  const labels = Int32Array.from(
    { length: batch },
    (_, i) => i % 3 === 2 ? first - 1 - i : first + (i * 37) % classes,
  );

  const expected: Record<string, Expected> = {};
  const make = (name: string, count: number, terms: number) =>
    expected[name] = { value: new Float64Array(count), spread: new Float64Array(count), terms };
  const inverse = make("inverse lengths", classes, dim), hardness = make("hardness", classes, dim);
  const padded = make("padded rows", columns * dim, 1), tangent = make("tangent", classes * dim, 2 * dim);
  const moved = make("velocity after", classes * dim, 2 * dim),
    stepped = make("weight after", classes * dim, 2 * dim);
  const cosine = new Float64Array(batch * classes), cosineSpread = new Float64Array(batch * classes);
  for (let c = 0; c < classes; c++) {
    const length = Math.sqrt(dot(weight, c * dim, weight, c * dim, dim).sum);
    const middle = Math.sqrt(dot(centers, c * dim, centers, c * dim, dim).sum);
    const bias = dot(weight, c * dim, centers, c * dim, dim);
    inverse.value[c] = inverse.spread[c] = 1 / length;
    hardness.value[c] = 1 - bias.sum / (length * middle);
    hardness.spread[c] = 1 + bias.spread / (length * middle);
    const along = dot(toward, c * dim, weight, c * dim, dim);
    for (let d = 0; d < dim; d++) {
      const at = c * dim + d;
      padded.value[at] = weight[at];
      padded.spread[at] = Math.abs(weight[at]);
      tangent.value[at] = toward[at] - weight[at] * along.sum / length ** 2;
      tangent.spread[at] = Math.abs(toward[at]) + Math.abs(weight[at]) * along.spread / length ** 2;
      const [rate, momentum, decay] = hyper;
      moved.value[at] = momentum * velocity[at] + (tangent.value[at] + decay * weight[at]);
      moved.spread[at] = momentum * Math.abs(velocity[at]) + tangent.spread[at] + decay * Math.abs(weight[at]);
      stepped.value[at] = weight[at] - rate * moved.value[at];
      stepped.spread[at] = Math.abs(weight[at]) + rate * moved.spread[at];
    }
    for (let i = 0; i < batch; i++) {
      const product = dot(embeddings, i * dim, weight, c * dim, dim);
      cosine[i * classes + c] = product.sum / length;
      cosineSpread[i * classes + c] = (product.spread + Math.abs(product.sum)) / length;
    }
  }

  const target = make("target cosines", batch, dim), sums = make("log-sums", 2 * batch, dim + classes);
  const gradient = make("gradient by cosine", batch * columns, dim + classes);
  for (let i = 0; i < batch; i++) {
    const own = labels[i] - first;
    const inside = own >= 0 && own < classes;
    target.value[i] = inside ? cosine[i * classes + own] : UNTOUCHED;
    target.spread[i] = inside ? cosineSpread[i * classes + own] : UNTOUCHED;
    const row = cosine.subarray(i * classes, (i + 1) * classes);
    const logits = row.map((value, c) => SCALE * (c === own ? phi[i] : value));
    const top = logits.reduce((a, b) => Math.max(a, b));
    const sum = top + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - top), 0));
    const widest = SCALE * cosineSpread.subarray(i * classes, (i + 1) * classes).reduce((a, b) => Math.max(a, b));
    sums.value[i] = sum;
    sums.spread[i] = Math.abs(sum) + widest + 1;
    const best = row.reduce((at, value, c) => value > row[at] ? c : at, 0);
    sums.value[batch + i] = best === own ? 1 : 0;
    sums.spread[batch + i] = 1;
    for (let c = 0; c < classes; c++) {
      const share = Math.exp(logits[c] - sum);
      const factor = SCALE / batch * upstream * inverse.value[c];
      gradient.value[i * columns + c] = (c === own ? (share - 1) * slope[i] : share) * factor;
      const rounded = share * (widest + Math.abs(logits[c]) + Math.abs(sum) + 1) * Math.max(1, Math.abs(slope[i]));
      gradient.spread[i * columns + c] = (rounded + 1e-6) * factor + Math.abs(gradient.value[i * columns + c]);
    }
  }

  const range = { batch, dim, classes, shared };
  const f32 = (values: Float64Array) => tf.tensor1d(Float32Array.from(values));
  const outputs = tf.tidy(() => {
    const { kernels } = gpu;
    const [e, w, m] = [embeddings, weight, centers].map((values) => tf.tensor1d(values));
    const own = tf.tensor1d(labels, "int32"), start = tf.tensor1d([first], "int32"), p = tf.tensor1d(phi);
    const [lengths, biases] = kernels.run(classRowsKernel(range, true), [w, m], [{ shape: [classes] }, {
      shape: [classes],
    }]);
    const given = f32(inverse.value);
    const [cosines] = kernels.run(targetCosineKernel(range), [e, w, given, own, start], [
      tf.fill([batch], UNTOUCHED),
    ]);
    const strips = scanStrips(classes);
    const dots = rowDots(gpu, e.reshape([batch, dim]), classes)(w, classes);
    const [parts] = kernels.run(classScanKernel(range, SCALE), [dots, given, own, p, start], [{
      shape: [strips, batch, 4],
    }]);
    const labelsHere = tf.tensor1d(labels, "int32");
    const [joined] = kernels.run(joinScanKernel(batch, strips, shared), [parts, labelsHere], [{ shape: [2, batch] }]);
    const rows = tf.stack([p, tf.tensor1d(slope), f32(sums.value.subarray(0, batch)), tf.fill([batch], upstream)]);
    const table = [{ shape: [batch, columns] }];
    const [byCosine] = kernels.run(classGradientKernel(range, SCALE), [dots, given, own, rows, start], table);
    const [tangents] = kernels.run(classTangentKernel(range), [tf.tensor1d(toward), w, given], [{
      shape: [classes * dim],
    }]);
    const places = [velocity, weight].map((values) => tf.tensor1d(values.slice()));
    const given3 = [tf.tensor1d(toward), given, tf.tensor1d(hyper)];
    const [velocities, weights] = kernels.run(classUpdateKernel(range), given3, places);
    const [rowsAndZeros] = kernels.run(paddedRowsKernel(range), [w], [{ shape: [columns * dim] }]);
    return {
      "inverse lengths": lengths,
      hardness: biases,
      "target cosines": cosines,
      "log-sums": joined,
      "gradient by cosine": byCosine,
      tangent: tangents,
      "velocity after": velocities,
      "weight after": weights,
      "padded rows": rowsAndZeros,
    } as Record<string, tf.Tensor>;
  });
  const comparisons: Comparison[] = [];
  for (const [what, tensor] of Object.entries(outputs)) {
    const found = await gpu.kernels.read(tensor);
    comparisons.push({ ...expected[what], what, found });
  }
  // Right answers are 0 or 1, exactly.
  const found = comparisons.find(({ what }) => what === "log-sums")!.found.slice(batch);
  comparisons.push({ ...exactly(sums.value.slice(batch)), what: "right answers", found });
  tf.dispose(outputs);
  return comparisons;
}
