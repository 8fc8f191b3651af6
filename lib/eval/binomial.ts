/** Logarithm of the chance of exactly `k` of `n` at probability `p`. */
function logChance(k: number, n: number, p: number): number {
  return logChoose(n, k) + (k === 0 ? 0 : k * Math.log(p)) + (k === n ? 0 : (n - k) * Math.log1p(-p));
}

function logChoose(n: number, k: number): number {
  return logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
}

/** Stirling's series for x >= 20, below it the product; relative error under 1e-13. */
function logGamma(x: number): number {
  let product = 1;
  while (x < 20) product *= x++;
  const y = 1 / (x * x);
  const series = (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y / 1680))) / x;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}

/**
 * The chance of at most `k` of `n` at probability `p`.
 *
 * @example
 * ```ts
 * import { binomialAtMost } from "./binomial.ts";
 *
 * console.assert(Math.abs(binomialAtMost(1, 10, 0.5) - 11 / 1024) < 1e-14);
 * ```
 */
export function binomialAtMost(k: number, n: number, p: number): number {
  if (k >= n) return 1;
  if (k < 0) return 0;
  if (p <= 0) return 1;
  if (p >= 1) return 0;
  if (k > n * p) return 1 - binomialAtMost(n - k - 1, n, 1 - p); // the short tail is summed
  let sum = 0;
  let term = Math.exp(logChance(k, n, p));
  for (let i = k; i >= 0 && term > sum * 1e-17; i--) {
    sum += term;
    term *= i / (n - i + 1) * (1 - p) / p;
  }
  return Math.min(1, sum);
}

/**
 * The interval of probabilities at which `k` of `n` is not surprising: Clopper and Pearson's, which covers the true one in at least
 * `confidence` of all cases.
 *
 * @source Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", 1934
 */
export function binomialInterval(k: number, n: number, confidence = 0.95): [low: number, high: number] {
  const tail = (1 - confidence) / 2;
  // the chance of at most j falls as p rises: the p where it is `wanted`, by halving
  const solve = (j: number, wanted: number) => {
    let low = 0, high = 1;
    for (let i = 0; i < 60 && high - low > 1e-14 * high; i++) {
      const middle = (low + high) / 2;
      if (binomialAtMost(j, n, middle) > wanted) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  };
  return [k === 0 ? 0 : solve(k - 1, 1 - tail), k === n ? 1 : solve(k, tail)];
}

/** Two-sided tests of whether `k` of `n` is what a fair coin gives. */
export interface FairCoinTest {
  /** Chance of a result as far from half or farther. */
  readonly exact: number;
  /** The same with the result itself counted half: less cautious, nearer to the level asked for. */
  readonly midP: number;
}

/** Tests `k` of `n` against a fair coin. */
export function fairCoinTest(k: number, n: number): FairCoinTest {
  const few = Math.min(k, n - k);
  if (n === 0) return { exact: 1, midP: 1 };
  const tail = binomialAtMost(few, n, 0.5);
  const point = Math.exp(logChance(few, n, 0.5));
  return { exact: Math.min(1, 2 * tail), midP: Math.min(1, 2 * tail - point) };
}
