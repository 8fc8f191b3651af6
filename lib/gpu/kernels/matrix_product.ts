import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { registerProductKernel, type RegisterTile } from "./register_product.ts";
import { storage } from "./wgsl.ts";
import { tiledProductKernel, type WorkgroupTile } from "./tiled_product.ts";

/**
 * Products of matrices: A [m, batch, k] times B [k, batch, n] gives parts [splits, m, batch, n] whose sum over the splits is
 * the product. Rows are read four values at a time: n, and k or (transposed) m, are multiples of four.
 *
 * The batch lies inside of the rows: what makes or takes one row of every product at once finds them side by side.
 */
export interface MatrixProduct {
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** A lies as [k, batch, m]. */
  readonly transposed: boolean;
  /** Parts that k is divided into: lanes enough where m and n are small, and short sums. */
  readonly splits: number;
}

/** How a product is divided among lanes, in the shape of one of the two families. */
export type ProductTile = RegisterTile | WorkgroupTile;

/** Steps of k, in fours, that one split goes over. */
export const stepsPerSplit = (product: Pick<MatrixProduct, "k" | "splits">): number =>
  Math.ceil(Math.ceil(product.k / 4) / product.splits);

/** A product of matrices in either family. Bindings: A, B, parts. */
export const matrixProductKernel = remembered(function (product: MatrixProduct, tile: ProductTile): KernelSpec {
  if (tile.family === "registers") return registerProductKernel(product, tile);
  const { batch, m, k, n, transposed } = product;
  const wide = n / 4;
  const row = transposed ? m / 4 : k / 4;
  return tiledProductKernel({
    name: `product ${batch}x${m}x${k}x${n}${transposed ? " transposed" : ""}`,
    ...product,
    inputs: [
      storage(0, "a", "vec4f", batch * (transposed ? k : m) * row),
      storage(1, "b", "vec4f", batch * k * wide),
    ],
    rowOfA: () => "",
    loadA: (_name, at, vector) => `a[(${at} * ${batch}u + layer) * ${row}u + ${vector}]`,
    loadB: (at, vector) => `b[(${at} * ${batch}u + layer) * ${wide}u + ${vector}]`,
    output: storage(2, "parts", "vec4f", product.splits * batch * m * wide, "write"),
    store: (at, vector, value) =>
      `parts[((split * ${m}u + ${at}) * ${batch}u + layer) * ${wide}u + ${vector}] = ${value};`,
  }, tile);
});
