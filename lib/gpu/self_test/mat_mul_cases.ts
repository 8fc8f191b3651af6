import * as tf from "../../deps/tfjs.ts";
import { multiply, multiplyTransposedInto } from "../ops/mat_mul.ts";
import type { Gpu } from "../start_webgpu.ts";
import { type Comparison, inFamily, type KernelCase } from "./kernel_case.ts";
import type { RandomValues } from "./random_values.ts";

/** Rows, inner dimension, columns, and which matrix is transposed: what the heads ask of tfjs's own matMul. */
const CASES: [rows: number, inner: number, cols: number, transposed: "" | "first" | "second"][] = [
  [4, 512, 10, "second"],
  [1, 2000, 9, "second"],
  [33, 70, 65, "second"],
  [8, 130, 512, ""],
  [100, 6, 512, "first"],
];

/** The same of our own products: a long sum is divided on GPUs. */
const OWN: [rows: number, inner: number, cols: number, transposed: "" | "first"][] = [
  [16, 1040, 32, ""],
  [5, 516, 8, ""],
  [1, 4, 4, ""],
  [68, 7, 12, "first"],
  [8, 300, 132, "first"],
];

/** Matrix products: tfjs's in the shapes of the heads, one of whose programs is wrong for few rows and a long inner dimension; and ours. */
export function matMulCases(): KernelCase[] {
  const tfjs = CASES.map(([rows, inner, cols, transposed]): KernelCase => ({
    name: `matMul ${rows}x${inner}x${cols}${transposed && `, ${transposed} transposed`}`,
    run: (gpu, random) =>
      check(gpu, random, { rows, inner, cols, transposed }, (a, b) => {
        const [first, second] = [transposed === "first", transposed === "second"];
        return tf.matMul(
          tf.tensor2d(a, first ? [inner, rows] : [rows, inner]),
          tf.tensor2d(b, second ? [cols, inner] : [inner, cols]),
          first,
          second,
        );
      }),
  }));
  const ours = (["registers", "workgroup"] as const).flatMap((family) =>
    OWN.map(([rows, inner, cols, transposed]): KernelCase => ({
      family,
      name: `matMul ${rows}x${inner}x${cols}${transposed && `, ${transposed} transposed`}, ours, ${family}`,
      run: (gpu, random) =>
        inFamily(gpu, family, () =>
          check(gpu, random, { rows, inner, cols, transposed }, (a, b) => {
            const [left, right] = [tf.tensor1d(a), tf.tensor1d(b)];
            const second = { values: right, rows: inner, columns: cols };
            if (transposed === "") return multiply(gpu, { values: left, rows, columns: inner }, second);
            const into = gpu.kernels.empty([rows, cols]);
            multiplyTransposedInto(gpu, { values: left, rows: inner, columns: rows }, second, into);
            return into;
          })),
    }))
  );
  return [...tfjs, ...ours];
}

interface Product {
  readonly rows: number;
  readonly inner: number;
  readonly cols: number;
  readonly transposed: "" | "first" | "second";
}

async function check(
  gpu: Gpu,
  random: RandomValues,
  { rows, inner, cols, transposed }: Product,
  multiplied: (a: Float32Array, b: Float32Array) => tf.Tensor,
): Promise<Comparison[]> {
  const a = random.values(rows * inner), b = random.values(inner * cols);
  const [first, second] = [transposed === "first", transposed === "second"];
  const value = new Float64Array(rows * cols), squares = new Float64Array(rows * cols);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      for (let k = 0; k < inner; k++) {
        const product = a[first ? k * rows + r : r * inner + k] * b[second ? c * inner + k : k * cols + c];
        value[r * cols + c] += product;
        squares[r * cols + c] += product * product;
      }
    }
  }
  const made = tf.tidy(() => multiplied(a, b));
  const found = await gpu.kernels.read(made);
  made.dispose();
  return [{ what: "output", found, value, spread: squares.map(Math.sqrt), terms: inner }];
}
