import * as tf from "../../deps/tfjs.ts";
import type { Comparison, KernelCase } from "./kernel_case.ts";

/** Rows, inner dimension, columns, and which matrix is transposed: what the heads ask of tfjs's own matMul. */
const CASES: [rows: number, inner: number, cols: number, transposed: "" | "first" | "second"][] = [
  [4, 512, 10, "second"],
  [1, 2000, 9, "second"],
  [33, 70, 65, "second"],
  [8, 130, 512, ""],
  [100, 6, 512, "first"],
];

/** tfjs's matrix product in the shapes of the heads: one of its programs is wrong for few rows and a long inner dimension. */
export function matMulCases(): KernelCase[] {
  return CASES.map(([rows, inner, cols, transposed]) => ({
    name: `matMul ${rows}x${inner}x${cols}${transposed && `, ${transposed} transposed`}`,
    async run(gpu, random): Promise<Comparison[]> {
      const a = random.values(rows * inner), b = random.values(inner * cols);
      const first = transposed === "first", second = transposed === "second";
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
      const made = tf.tidy(() =>
        tf.matMul(
          tf.tensor2d(a, first ? [inner, rows] : [rows, inner]),
          tf.tensor2d(b, second ? [cols, inner] : [inner, cols]),
          first,
          second,
        )
      );
      const found = await gpu.kernels.read(made);
      made.dispose();
      return [{ what: "output", found, value, spread: squares.map(Math.sqrt), terms: inner }];
    },
  }));
}
