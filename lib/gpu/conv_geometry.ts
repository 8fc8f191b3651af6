import type { ConvLayer } from "./conv_layer.ts";
import type { ConvPass, TapAxis } from "./kernels/conv2d.ts";

/** An axis of a forward pass: position `out * stride - pad + k` meets tap k. */
const forwardAxis = (taps: number, pad: number): TapAxis => ({
  count: taps,
  offset: -pad,
  offsetStep: 1,
  tap: 0,
  tapStep: 1,
});

/** A layer's output, as one pass over all positions. */
export function forwardPass({ batch, input, output, filter, stride, pad }: ConvLayer): ConvPass {
  return {
    batch,
    input,
    output,
    grid: [output[0], output[1]],
    outputStride: 1,
    outputOffset: [0, 0],
    inputStride: stride,
    rows: forwardAxis(filter[0], pad),
    cols: forwardAxis(filter[1], pad),
    filterWidth: filter[1],
  };
}

/**
 * The input's gradient is a convolution of the output's gradient with the transposed filter. With a stride, the input
 * positions of each remainder meet only every stride-th tap: one pass per remainder, without a wasted multiplication.
 */
export function inputGradientPasses({ batch, input, output, filter, stride, pad }: ConvLayer): ConvPass[] {
  const passes: ConvPass[] = [];
  for (let py = 0; py < Math.min(stride, input[0]); py++) {
    for (let px = 0; px < Math.min(stride, input[1]); px++) {
      const rows = gradientAxis(filter[0], pad, stride, py);
      const cols = gradientAxis(filter[1], pad, stride, px);
      if (rows.count === 0 || cols.count === 0) continue;
      passes.push({
        batch,
        input: output,
        output: input,
        grid: [Math.ceil((input[0] - py) / stride), Math.ceil((input[1] - px) / stride)],
        outputStride: stride,
        outputOffset: [py, px],
        inputStride: 1,
        rows,
        cols,
        filterWidth: filter[1],
      });
    }
  }
  return passes;
}

/** Whether the passes of the input's gradient leave positions out (1x1 with stride 2): those have to be zeros before. */
export function leavesInputsOut({ filter, stride }: ConvLayer): boolean {
  return stride > Math.min(...filter);
}

/** Input position `stride * j + remainder` meets taps k with (remainder + pad - k) divisible by the stride. */
function gradientAxis(taps: number, pad: number, stride: number, remainder: number): TapAxis {
  const first = (remainder + pad) % stride;
  return {
    count: first < taps ? Math.ceil((taps - first) / stride) : 0,
    offset: Math.floor((remainder + pad - first) / stride),
    offsetStep: -1,
    tap: first,
    tapStep: stride,
  };
}
