/** Height, width, channels. */
export type Size3 = readonly [number, number, number];

/** A dense convolution as its kernels see it: channels in fours, everything known. Input [batch, H, W, C], filter [h, w, C, O]. */
export interface ConvLayer {
  /** Images. */
  readonly batch: number;
  /** Of an image. */
  readonly input: Size3;
  /** Of what comes out. */
  readonly output: Size3;
  /** Height, width. */
  readonly filter: readonly [number, number];
  /** Input positions from one output to the next. */
  readonly stride: number;
  /** Zeros on every side. */
  readonly pad: number;
  /** The output is kept in half precision, and kernels may multiply in it; sums are float32. @default false */
  readonly half?: boolean;
}

/** The three passes of a layer: its output, and the gradients of its input and of its filter. */
export type ConvPassName = "forward" | "input" | "filter";

/** Multiplications of one pass, all of them, those with zeros around the image too. */
export function products({ batch, input, output, filter }: ConvLayer): number {
  return batch * output[0] * output[1] * filter[0] * filter[1] * input[2] * output[2];
}
