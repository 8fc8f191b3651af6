import type { KernelSpec } from "../kernel_spec.ts";
import { registerProductKernel, type RegisterTile } from "./register_product.ts";
import { storage } from "./wgsl.ts";
import { tiledProductKernel, type WorkgroupTile } from "./tiled_product.ts";

/**
 * Products of matrices: A [batch, m, k] times B [batch, k, n] gives parts [splits, batch, m, n] whose sum over the splits is
 * the product. Rows are read four values at a time: n, and k or (transposed) m, are multiples of four.
 */
export interface MatrixProduct {
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** A lies as [batch, k, m]. */
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
export function matrixProductKernel(product: MatrixProduct, tile: ProductTile): KernelSpec {
  if (tile.family === "registers") return registerProductKernel(product, tile);
  const { batch, m, k, n, transposed } = product;
  const wide = n / 4;
  const row = transposed ? m / 4 : k / 4;
  const perBatch = (transposed ? k : m) * row;
  return tiledProductKernel({
    name: `product ${batch}x${m}x${k}x${n}${transposed ? " transposed" : ""}`,
    ...product,
    inputs: [
      storage(0, "a", "vec4f", batch * perBatch),
      storage(1, "b", "vec4f", batch * k * wide),
    ],
    rowOfA: () => "",
    loadA: (_name, at, vector) => `a[layer * ${perBatch}u + ${at} * ${row}u + ${vector}]`,
    loadB: (at, vector) => `b[(layer * ${k}u + ${at}) * ${wide}u + ${vector}]`,
    output: storage(2, "parts", "vec4f", product.splits * batch * m * wide, "write"),
    store: (at, vector, value) =>
      `parts[((split * ${batch}u + layer) * ${m}u + ${at}) * ${wide}u + ${vector}] = ${value};`,
  }, tile);
}
