import type { KernelFamily } from "../conv_choice.ts";
import type { Gpu } from "../start_webgpu.ts";
import type { RandomValues } from "./random_values.ts";

/** What a kernel should give, computed in float64. */
export interface Expected {
  /** The values. */
  readonly value: Float64Array;
  /**
   * What each value's rounding error is measured by: the root of the sum of the squares of the terms it is made of. A lost
   * or repeated term shows as a large share of it, whatever the sum cancels to.
   */
  readonly spread: Float64Array;
  /** Most terms added up in one value. */
  readonly terms: number;
  /** Products or results were rounded to half precision. @default false */
  readonly half?: boolean;
}

/** One output of a case: what the GPU gave and what it should have given. */
export interface Comparison extends Expected {
  /** Which output: "input gradient". */
  readonly what: string;
  /** Read back from the GPU. */
  readonly found: Float32Array;
}

/** One case of the suite: it makes its inputs, runs a kernel or an operation, and says what should have come out. */
export interface KernelCase {
  /** Operation, shape, options. */
  readonly name: string;
  /** The family of kernels that it is of, where there are two. */
  readonly family?: KernelFamily;
  /** Runs it. The tensors it makes are its own to dispose of. */
  run(gpu: Gpu, random: RandomValues): Promise<Comparison[]>;
}

/** Runs something with the kernels of a family. */
export async function inFamily<T>({ choices }: Gpu, family: KernelFamily, run: () => Promise<T>): Promise<T> {
  const own = choices.family;
  choices.family = family;
  try {
    return await run();
  } finally {
    choices.family = own;
  }
}

/** Half the distance of float32 numbers around 1: the most that rounding one operation changes. */
const ROUNDING = 2 ** -24;

/** The same of half precision. WGSL lets a conversion round either way: a whole distance. */
const HALF_ROUNDING = 2 ** -10;

/**
 * Rounding errors of a sum of n terms of either sign grow as sqrt(n) of its root sum of squares; the factor leaves room for
 * the worst of a few thousand outputs (measured: 1.3 at most), and for the few roundings of a short expression.
 */
const FACTOR = 4;

/** The largest error, in units of the expected spread, that rounding explains. */
export function tolerance({ terms, half }: Pick<Expected, "terms" | "half">): number {
  const float = FACTOR * ROUNDING * Math.sqrt(Math.max(1, terms));
  // Rounded before the sum, products are off by shares of themselves, to either side; rounded after it, a value by a share of itself, which
  // is seldom over three times the spread.
  return half ? float + 4 * HALF_ROUNDING : float;
}

/** The largest error of a comparison in units of its spread; infinite where a value is missing or not a number. */
export function largestError({ found, value, spread }: Comparison): number {
  if (found.length !== value.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < value.length; i++) {
    const error = Math.abs(found[i] - value[i]);
    if (error === 0) continue;
    const relative = error / spread[i];
    if (!(relative <= largest)) largest = Number.isNaN(relative) ? Infinity : relative;
  }
  return largest;
}

/** Values that are expected exactly as given, up to a rounding or two of their own size. */
export function exactly(value: Float64Array, terms = 0): Expected {
  return { value, spread: value.map(Math.abs), terms };
}
