/**
 * Winograd's minimal filtering F(m x m, 3 x 3): outputs by tiles of m x m, from (m+2) x (m+2) products where the plain sum has 9 m^2.
 *
 * For a tile d of the input and a filter g:  y = A^T ((G g G^T) * (B^T d B)) A.
 *
 * @source Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016; the matrices follow from the points by
 * interpolation of the product polynomial (Toom and Cook).
 */
export interface Winograd {
  /** Outputs a side of a tile. */
  readonly outputs: number;
  /** Inputs a side: outputs + 2. */
  readonly inputs: number;
  /** A^T, [outputs][inputs]. */
  readonly at: readonly (readonly number[])[];
  /** G, [inputs][3]. */
  readonly g: readonly (readonly number[])[];
  /** B^T, [inputs][inputs]. */
  readonly bt: readonly (readonly number[])[];
}

/** Outputs a side that there are matrices for. */
export type WinogradSize = 2 | 4;

/**
 * Points of interpolation besides infinity. A and B are exact in float32. Of the sets tried for 4, this one rounds least: 8e-7 to
 * 1.6e-6 of the output over 256 channels, where the plain sum loses 2e-7 and the usual 0, 1, -1, 2, -2 lose 2.4e-6 to 3.1e-6.
 */
const POINTS: Readonly<Record<WinogradSize, readonly number[]>> = { 2: [0, 1, -1], 4: [0, 0.75, -0.75, 1.5, -1.5] };

/** The matrices for tiles of `outputs` x `outputs`. */
export function winograd(outputs: WinogradSize): Winograd {
  const points = POINTS[outputs];
  const inputs = outputs + 2;
  // Coefficients of the product of (x - p) over all points but one.
  const product = (skip: number) =>
    points.reduce((coefficients, p, l) => {
      if (l === skip) return coefficients;
      const next = new Array(coefficients.length + 1).fill(0);
      coefficients.forEach((value, i) => {
        next[i + 1] += value;
        next[i] -= p * value;
      });
      return next;
    }, [1]);
  const at = Array.from({ length: outputs }, (_, i) => [...points.map((p) => p ** i), i === outputs - 1 ? 1 : 0]);
  const g = points.map((p, j) => {
    const divisor = points.reduce((value, q, l) => l === j ? value : value * (p - q), 1);
    return [1, p, p * p].map((power) => power / divisor);
  });
  const bt = points.map((_, j) => [...product(j), 0]);
  return { outputs, inputs, at, g: [...g, [0, 0, 1]], bt: [...bt, product(-1)] };
}

/**
 * WGSL statements for M T M^T, where M is [rows][size] and T a table of `size` x `size` variables that `name(i, j)` names. They define
 * PREFIXi_j for the result.
 */
export function bothSides(
  matrix: readonly (readonly number[])[],
  name: (i: number, j: number) => string,
  prefix: string,
): string[] {
  const size = matrix[0].length;
  const lines: string[] = [];
  for (let i = 0; i < matrix.length; i++) {
    for (let j = 0; j < size; j++) {
      lines.push(`let ${prefix}h${i}_${j} = ${combination(matrix[i], (l) => name(l, j))};`);
    }
    for (let j = 0; j < matrix.length; j++) {
      lines.push(`let ${prefix}${i}_${j} = ${combination(matrix[j], (l) => `${prefix}h${i}_${l}`)};`);
    }
  }
  return lines;
}

/** A sum of terms with constant factors; zeros and ones cost nothing. */
function combination(factors: readonly number[], term: (l: number) => string): string {
  const terms = factors.flatMap((factor, l) => {
    if (factor === 0) return [];
    const size = Math.abs(factor);
    const value = size === 1 ? term(l) : `${Number.isInteger(size) ? `${size}.0` : size} * ${term(l)}`;
    return [factor < 0 ? ` - ${value}` : ` + ${value}`];
  });
  if (terms.length === 0) return "vec4f()";
  const sum = terms.join("");
  return sum.startsWith(" + ") ? sum.slice(3) : `-${sum.slice(3)}`;
}

/** The transposed of a matrix. */
export function transpose(matrix: readonly (readonly number[])[]): number[][] {
  return matrix[0].map((_, j) => matrix.map((row) => row[j]));
}
