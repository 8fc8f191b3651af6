import * as tf from "../../deps/tfjs.ts";
import { sgdKernel } from "../kernels/sgd.ts";
import { sumPartsKernel } from "../kernels/sum_parts.ts";
import { transposeKernel } from "../kernels/transpose.ts";
import { unpackImagesKernel } from "../kernels/unpack_images.ts";
import { updateCentersKernel } from "../kernels/update_centers.ts";
import type { Gpu } from "../start_webgpu.ts";
import { type Comparison, exactly, type KernelCase } from "./kernel_case.ts";
import type { RandomValues } from "./random_values.ts";

/** The kernels that move, add up or update values one by one. */
export function elementCases(): KernelCase[] {
  return [
    ...([[1, 1, 1], [9, 5, 3], [4, 64, 28]] as const).map(transposeCase),
    ...([[1, 2, 4], [3, 57, 13], [2, 256, 8], [3, 57, 13, true], [2, 400, 8, true], [1, 1, 4, true]] as SumParts[]).map(
      sumPartsCase,
    ),
    ...[[1], [7, 2, 5], [4096], [8, 4, 260, 64, 12, 4, 4, 16]].map(sgdCase),
    ...([[1, 1], [3, 5], [2, 16]] as const).map(unpackCase),
    ...([[1, 8, 1], [24, 6, 5], [7, 33, 40]] as [number, number, number][]).flatMap((shape) => [
      centersCase(...shape, "last"),
      centersCase(...shape, "mean"),
    ]),
  ];
}

/** Reads tensors, disposes of them, and puts what was expected beside. */
async function compare(gpu: Gpu, outputs: [string, tf.Tensor, Comparison | ReturnType<typeof exactly>][]) {
  const comparisons: Comparison[] = [];
  for (const [what, tensor, expected] of outputs) {
    comparisons.push({ ...expected, what, found: await gpu.kernels.read(tensor) });
  }
  tf.dispose(outputs.map(([, tensor]) => tensor));
  return comparisons;
}

function transposeCase([taps, rows, cols]: readonly [number, number, number]): KernelCase {
  return {
    name: `transpose ${taps}x${rows}x${cols}`,
    run(gpu, random) {
      const values = random.values(taps * rows * cols);
      const expected = new Float64Array(values.length);
      for (let i = 0; i < values.length; i++) {
        const col = i % cols, row = Math.floor(i / cols) % rows, tap = Math.floor(i / (rows * cols));
        expected[(tap * cols + col) * rows + row] = values[i];
      }
      const [made] = tf.tidy(() =>
        gpu.kernels.run(transposeKernel(taps, rows, cols), [tf.tensor1d(values)], [{ shape: [values.length] }])
      );
      return compare(gpu, [["output", made, exactly(expected)]]);
    },
  };
}

type SumParts = readonly [sets: number, parts: number, size: number, shared?: boolean];

function sumPartsCase([sets, parts, size, shared = false]: SumParts): KernelCase {
  return {
    name: `sum of parts ${sets}x${parts}x${size}${shared ? ", shared" : ""}`,
    run(gpu, random) {
      const values = random.values(sets * parts * size);
      const value = new Float64Array(sets * size);
      const squares = new Float64Array(sets * size);
      values.forEach((part, i) => {
        const to = Math.floor(i / (parts * size)) * size + i % size;
        value[to] += part;
        squares[to] += part * part;
      });
      const made = tf.tidy(() => {
        const outputs = new Array(sets).fill({ shape: [size] });
        return tf.concat(gpu.kernels.run(sumPartsKernel(sets, parts, size, shared), [tf.tensor1d(values)], outputs));
      });
      return compare(gpu, [["output", made, { value, spread: squares.map(Math.sqrt), terms: parts }]]);
    },
  };
}

function sgdCase(sizes: readonly number[]): KernelCase {
  const size = sizes.reduce((a, b) => a + b);
  return {
    name: `sgd ${sizes.join(", ")}`,
    run(gpu, random) {
      const hyper = Float32Array.of(0.1, 0.9, 5e-4, 0.25);
      const [rate, momentum, decay, scale] = hyper;
      const gradient = random.values(size), velocity = random.values(size), parameter = random.values(size);
      const pair = () => ({ value: new Float64Array(size), spread: new Float64Array(size), terms: 4 });
      const moved = pair(), faster = pair();
      for (let i = 0; i < size; i++) {
        const terms = [momentum * velocity[i], scale * gradient[i], decay * parameter[i]];
        faster.value[i] = terms[0] + terms[1] + terms[2];
        faster.spread[i] = Math.hypot(...terms);
        moved.value[i] = parameter[i] - rate * faster.value[i];
        moved.spread[i] = Math.hypot(parameter[i], rate * faster.spread[i]);
      }
      const made = tf.tidy(() => {
        const parts = (values: Float32Array) => tf.split(tf.tensor1d(values), [...sizes]);
        const [g, v, p] = [gradient, velocity, parameter].map(parts);
        const changed = gpu.kernels.run(sgdKernel(sizes), [tf.tensor1d([...hyper, 0]), ...g], [...v, ...p]);
        return [changed.slice(0, sizes.length), changed.slice(sizes.length)].map((all) => tf.concat(all));
      });
      return compare(gpu, [["velocity", made[0], faster], ["parameter", made[1], moved]]);
    },
  };
}

function unpackCase([batch, imageSize]: readonly [number, number]): KernelCase {
  return {
    name: `unpack ${batch} images of ${imageSize}x${imageSize}`,
    run(gpu, random) {
      const count = batch * imageSize * imageSize;
      const bytes = Uint8Array.from({ length: Math.ceil(count * 3 / 4) * 4 }, () => random.whole(0, 255));
      const flips = Int32Array.from({ length: batch }, (_, i) => i === batch - 1 ? 1 : random.whole(0, 1));
      const value = new Float64Array(count * 4);
      for (let i = 0; i < count; i++) {
        const x = i % imageSize;
        const from = flips[Math.floor(i / imageSize ** 2)] ? i - x + imageSize - 1 - x : i;
        for (let c = 0; c < 3; c++) value[i * 4 + c] = (bytes[from * 3 + c] / 255 - 0.5) / 0.5;
      }
      const [made] = tf.tidy(() =>
        gpu.kernels.run(
          unpackImagesKernel(batch, imageSize),
          [tf.tensor1d(new Int32Array(bytes.buffer), "int32"), tf.tensor1d(flips, "int32")],
          [{ shape: [batch, imageSize, imageSize, 4] }],
        )
      );
      // A byte over 255 is rounded at its own size (by up to 2.5 units, WGSL says), which counts double after the division.
      return compare(gpu, [["output", made, { value, spread: value.map((v) => v === 0 ? 0 : 1), terms: 4 }]]);
    },
  };
}

function centersCase(batch: number, dim: number, classes: number, repeated: "last" | "mean"): KernelCase {
  const momentum = 0.9;
  return {
    name: `update centers ${batch}x${dim} of ${classes} classes, ${repeated}`,
    run(gpu, random: RandomValues) {
      const embeddings = random.values(batch * dim);
      const first = 64;
      // Some are of the ranges before and after this one.
      const labels = Int32Array.from({ length: batch }, () => first + random.whole(-1, classes));
      const centers = random.values(classes * dim);
      const value = Float64Array.from(centers);
      const spread = value.map(Math.abs);
      for (let c = 0; c < classes; c++) {
        const rows = [...labels.keys()].filter((row) => labels[row] === first + c);
        if (rows.length === 0) continue;
        const used = repeated === "last" ? rows.slice(-1) : rows;
        for (let d = 0; d < dim; d++) {
          const values = used.map((row) => embeddings[row * dim + d]);
          const mean = values.reduce((a, b) => a + b) / used.length;
          const old = momentum * centers[c * dim + d];
          value[c * dim + d] = (1 - momentum) * mean + old;
          spread[c * dim + d] = Math.hypot((1 - momentum) * Math.hypot(...values), old);
        }
      }
      const [made] = tf.tidy(() =>
        gpu.kernels.run(
          updateCentersKernel(batch, dim, classes, momentum, repeated),
          [tf.tensor2d(embeddings, [batch, dim]), tf.tensor1d(labels, "int32"), tf.tensor1d([first], "int32")],
          [tf.tensor2d(centers, [classes, dim])],
        )
      );
      return compare(gpu, [["centers", made, { value, spread, terms: batch + 3 }]]);
    },
  };
}
