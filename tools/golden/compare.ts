import type { ParityRow } from "./parity_row.ts";

/** Some values of a tensor, with its norm and sum, as the golden files give them. */
export interface Sample {
  readonly index: readonly number[];
  readonly value: readonly number[];
  readonly l2: number;
  readonly sum: number;
}

/** A float32 program may be this many times as far from float64 as PyTorch's float32. */
const TIMES_PYTORCH = 10;
/** … or this far, relative, where PyTorch happens to be nearer. */
const RELATIVE = 1e-5;
/** Gradients whose norm is under this are zero: they are compared absolutely. */
const ZERO_NORM = 1e-6;

/** Compares one number; `scale` is what the error is relative to where the number itself is not its measure. */
export function compareNumber(
  quantity: string,
  ours: number,
  exact: number,
  pytorch: number,
  scale = Math.abs(exact),
): ParityRow {
  const unit = scale > 0 ? scale : 1;
  return row(quantity, Math.abs(ours - exact) / unit, Math.abs(pytorch - exact) / unit);
}

/** Compares the sampled values, the norm and the sum of a tensor: the largest of the three errors against the largest of PyTorch's. */
export function compareTensor(quantity: string, ours: Float32Array, exact: Sample, pytorch: Sample): ParityRow {
  const sample = sampleOf(ours, exact.index);
  const zero = exact.l2 < ZERO_NORM;
  const measure = (other: Sample) => errorOf(other, exact, ours.length, zero);
  if (zero) {
    return {
      quantity,
      error: measure(sample),
      bound: ZERO_NORM,
      reference: measure(pytorch),
      ok: measure(sample) <= ZERO_NORM + 10 * measure(pytorch),
    };
  }
  return row(quantity, measure(sample), measure(pytorch));
}

function sampleOf(values: Float32Array, index: readonly number[]): Sample {
  let sum = 0;
  let square = 0;
  for (const value of values) {
    sum += value;
    square += value * value;
  }
  return { index, value: index.map((i) => values[i]), l2: Math.sqrt(square), sum };
}

/** Largest error of values (relative to the tensor's root mean square or the largest sampled value), norm, and sum. */
function errorOf(other: Sample, exact: Sample, size: number, absolute: boolean): number {
  const typical = absolute ? 1 : Math.max(exact.l2 / Math.sqrt(size), ...exact.value.map(Math.abs));
  const whole = absolute ? 1 : exact.l2;
  // A sum of n values of either sign is as large as the norm times sqrt(n) at most.
  const spread = absolute ? Math.sqrt(size) : Math.max(Math.abs(exact.sum), exact.l2 * Math.sqrt(size));
  const values = other.value.map((value, i) => Math.abs(value - exact.value[i]) / typical);
  return Math.max(...values, Math.abs(other.l2 - exact.l2) / whole, Math.abs(other.sum - exact.sum) / spread);
}

function row(quantity: string, error: number, reference: number): ParityRow {
  const bound = Math.max(TIMES_PYTORCH * reference, RELATIVE);
  return { quantity, error, bound, reference, ok: error <= bound };
}
