import type { Expected } from "./kernel_case.ts";

/** A convolution in NHWC, its filter [height, width, channels / groups, outputs]. */
export interface ConvShape {
  readonly batch: number;
  /** Height, width, channels. */
  readonly input: readonly [number, number, number];
  /** Height, width. */
  readonly filter: readonly [number, number];
  readonly outputs: number;
  readonly stride: number;
  readonly pad: number;
  readonly groups: number;
  /** Input channels per group that the filter has; the others of a group are left out. */
  readonly perGroup: number;
}

/** Output height and width. */
export function outputSize({ input, filter, stride, pad }: ConvShape): [number, number] {
  const size = (axis: 0 | 1) => Math.floor((input[axis] + 2 * pad - filter[axis]) / stride) + 1;
  return [size(0), size(1)];
}

/** Sums of products in float64, with the squares of the products beside them. */
class Sums {
  readonly value: Float64Array;
  readonly #squares: Float64Array;
  readonly #counts: Uint32Array;

  constructor(size: number) {
    this.value = new Float64Array(size);
    this.#squares = new Float64Array(size);
    this.#counts = new Uint32Array(size);
  }

  add(i: number, a: number, b: number): void {
    const product = a * b;
    this.value[i] += product;
    this.#squares[i] += product * product;
    this.#counts[i]++;
  }

  finish(): Expected {
    let terms = 0;
    for (const count of this.#counts) terms = Math.max(terms, count);
    return { value: this.value, spread: this.#squares.map(Math.sqrt), terms };
  }
}

/** The convolution and its two gradients, by the definition, in plain float64 loops. */
export function conv2dReference(
  shape: ConvShape,
  x: Float32Array,
  filter: Float32Array,
  dy: Float32Array,
): { output: Expected; inputGradient: Expected; filterGradient: Expected } {
  const { batch, outputs, stride, pad, groups, perGroup } = shape;
  const [height, width, channels] = shape.input;
  const [filterHeight, filterWidth] = shape.filter;
  const [outHeight, outWidth] = outputSize(shape);
  const inGroup = channels / groups;
  const outGroup = outputs / groups;
  const output = new Sums(batch * outHeight * outWidth * outputs);
  const inputGradient = new Sums(x.length);
  const filterGradient = new Sums(filter.length);
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let ky = 0; ky < filterHeight; ky++) {
          const iy = oy * stride + ky - pad;
          if (iy < 0 || iy >= height) continue;
          for (let kx = 0; kx < filterWidth; kx++) {
            const ix = ox * stride + kx - pad;
            if (ix < 0 || ix >= width) continue;
            for (let o = 0; o < outputs; o++) {
              const out = ((n * outHeight + oy) * outWidth + ox) * outputs + o;
              const first = ((n * height + iy) * width + ix) * channels + Math.floor(o / outGroup) * inGroup;
              for (let i = 0; i < perGroup; i++) {
                const f = ((ky * filterWidth + kx) * perGroup + i) * outputs + o;
                output.add(out, x[first + i], filter[f]);
                inputGradient.add(first + i, dy[out], filter[f]);
                filterGradient.add(f, x[first + i], dy[out]);
              }
            }
          }
        }
      }
    }
  }
  return {
    output: output.finish(),
    inputGradient: inputGradient.finish(),
    filterGradient: filterGradient.finish(),
  };
}
