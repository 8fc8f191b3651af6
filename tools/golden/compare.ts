import type { ParityRow } from "./parity_row.ts";

/** Some values of a tensor, with its norm and sum, as the golden files give them. */
export interface Sample {
  readonly index: readonly number[];
  readonly value: readonly number[];
  readonly l2: number;
  readonly sum: number;
}

/** One number or tensor of a golden file, as we, float64 and PyTorch's float32 have it. */
export interface Quantity {
  /** What it is: "iresnet18 step 0 loss". */
  readonly name: string;
  /** Values in the whole tensor; 1 for a number. */
  readonly size: number;
  readonly ours: Sample | number;
  readonly exact: Sample | number;
  readonly pytorch: Sample | number;
}

/** A float32 program may be this many times as far from float64 as PyTorch's float32. */
const TIMES_PYTORCH = 10;
/** … or this far, relative, where PyTorch happens to be nearer. */
const RELATIVE = 1e-5;
/** Gradients whose norm is under this are zero: they are compared absolutely. */
const ZERO_NORM = 1e-6;

/**
 * Judges a quantity: right where our error is within 10 times PyTorch's, or 1e-5.
 *
 * `spread` is how far our own number moves when the inputs and weights are changed by roundings of their own
 * size. Where it is given, an error of up to {@linkcode TIMES_SPREAD} times that is right too; see
 * {@linkcode settleWithSpread}.
 */
export function compare(quantity: Quantity, spread?: number): ParityRow {
  const { name, ours, exact, pytorch, size } = quantity;
  const zero = isZero(exact);
  const error = deviation(ours, exact, { size, scale: exact });
  const reference = deviation(pytorch, exact, { size, scale: exact });
  const literal = zero ? ZERO_NORM + TIMES_PYTORCH * reference : Math.max(TIMES_PYTORCH * reference, RELATIVE);
  const bound = spread === undefined ? literal : Math.max(literal, TIMES_SPREAD * spread);
  return { quantity: name, error, bound, reference, ok: error <= bound, ...(spread !== undefined && { spread }) };
}

/** How far our numbers of a changed run are from those of the unchanged one, in the same measure as an error. */
export function spreadOf(base: Quantity, changed: Quantity): number {
  return deviation(changed.ours, base.ours, { size: base.size, scale: base.exact });
}

/** An error may be this many times as large as what a change by roundings does. */
const TIMES_SPREAD = 3;

/** The values at `index`, norm and sum of a tensor. */
export function sampleOf(values: Float32Array, index: readonly number[]): Sample {
  let sum = 0;
  let square = 0;
  for (const value of values) {
    sum += value;
    square += value * value;
  }
  return { index, value: index.map((i) => values[i]), l2: Math.sqrt(square), sum };
}

function isZero(exact: Sample | number): boolean {
  return typeof exact !== "number" && exact.l2 < ZERO_NORM;
}

/**
 * How far `a` is from `b`. A number: relative to `scale`. A tensor: the largest of the errors of its sampled values
 * (relative to the root mean square or the largest sampled value), of its norm, and of its sum; absolutely where the tensor
 * is zero.
 */
function deviation(
  a: Sample | number,
  b: Sample | number,
  { size, scale }: { size: number; scale: Sample | number },
): number {
  if (typeof a === "number" || typeof b === "number" || typeof scale === "number") {
    return Math.abs(Number(a) - Number(b)) / (Math.abs(Number(scale)) || 1);
  }
  const zero = isZero(scale);
  const typical = zero ? 1 : Math.max(scale.l2 / Math.sqrt(size), ...scale.value.map(Math.abs));
  // A sum of n values of either sign is as large as the norm times sqrt(n) at most.
  const whole = zero ? Math.sqrt(size) : Math.max(Math.abs(scale.sum), scale.l2 * Math.sqrt(size));
  return Math.max(
    ...a.value.map((value, i) => Math.abs(value - b.value[i]) / typical),
    Math.abs(a.l2 - b.l2) / (zero ? 1 : scale.l2),
    Math.abs(a.sum - b.sum) / whole,
  );
}

/** Pairs of changed runs at most. */
const PAIRS = 4;

/**
 * Judges all quantities of a run, with a second look at those outside of the literal rule.
 *
 * The rule takes PyTorch's float32 error for the size of what rounding does to a quantity. For a network that holds only on
 * average: the gradient of PReLU jumps where a value crosses zero, among the millions of values of a batch a few lie nearer
 * to zero than the rounding of a float32 forward pass, and on which side each falls is chance. Every such value that two
 * programs see on different sides changes all gradients before it by 1e-4 to 1e-2, and everything after the first step.
 * So a quantity's error is either small or large by luck, for PyTorch as for any program. Measured on eight files of four
 * seeds: PyTorch itself, with its plain convolutions in place of oneDNN's, is outside of the literal rule in five of them, in 201
 * of 3044 quantities, by up to a thousand times.
 *
 * What rounding does to a quantity can be seen directly: run again with all weights and pixels changed by a few units
 * of their last place, and see how far the quantity moves. That is large exactly where a value near a kink changes sides.
 * Runs come in pairs of opposite changes: of a value near zero one of the two moves it to the other side. A defect of a kernel
 * does not move with such a change, so it stays as visible as before, except to the size of the jumps that are there;
 * embeddings and losses of the first step have none.
 *
 * `runAgain(pair, sign)` gives the quantities of a changed run in the same order. It is called only where the literal rule
 * is not met.
 */
export async function settleWithSpread(
  quantities: readonly Quantity[],
  runAgain: (pair: number, sign: 1 | -1) => Promise<readonly Quantity[]>,
): Promise<ParityRow[]> {
  const rows = quantities.map((quantity) => compare(quantity));
  const spreads = new Float64Array(rows.length);
  for (let pair = 0; pair < PAIRS && rows.some(({ ok }) => !ok); pair++) {
    for (const sign of [1, -1] as const) {
      const changed = await runAgain(pair, sign);
      quantities.forEach((quantity, i) => spreads[i] = Math.max(spreads[i], spreadOf(quantity, changed[i])));
    }
    rows.forEach(({ ok }, i) => {
      if (!ok) rows[i] = compare(quantities[i], spreads[i]);
    });
  }
  return rows;
}
