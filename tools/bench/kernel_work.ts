import type { Tensor } from "../../lib/gpu/tensor.ts";

/** Names of kernels that multiply matrices in one way or another, and how many multiplications their numbers mean. */
const MULTIPLYING: readonly [RegExp, (numbers: number[], inputs: readonly Tensor[], output: Tensor) => number][] = [
  [/^product (\d+)x(\d+)x(\d+)x(\d+)/, ([batch, m, k, n]) => batch * m * k * n],
  [
    /^conv2d (?:tiled )?(?:filter gradient )?(\d+)x(\d+) (\d+)->(\d+) on (\d+)x(\d+)/,
    (numbers, [x]) => numbers.reduce((product, one) => product * one, x.shape[0]),
  ],
  [/^grouped conv2d (\d+)x(\d+) (\d+)->\d+ \/(\d+)/, (numbers, _, output) => perOutput(numbers, output)],
  [/^grouped conv2d input gradient (\d+)x(\d+) (\d+)->\d+ \/(\d+)/, (numbers, [dy]) => perOutput(numbers, dy)],
  [/^grouped conv2d filter gradient (\d+)x(\d+) (\d+)->\d+ \/(\d+)/, (numbers, [, dy]) => perOutput(numbers, dy)],
  [/^class (?:scan|gradient) (\d+) of (\d+)x(\d+)/, ([batch, classes, dim]) => batch * classes * dim],
];

/** Each value of a layer's output takes a product for each tap and each channel of its group. */
function perOutput([height, width, channels, groups]: number[], output: Tensor): number {
  return output.size * height * width * channels / groups;
}

/**
 * Floating-point operations of a kernel, a multiply-add counted as two, by its name and its tensors: `undefined` of one that moves memory
 * rather than multiplies.
 */
export function kernelFlops(name: string, inputs: readonly Tensor[], output: Tensor): number | undefined {
  for (const [pattern, products] of MULTIPLYING) {
    const found = pattern.exec(name);
    if (found) return 2 * products(found.slice(1).map(Number), inputs, output);
  }
  return undefined;
}
