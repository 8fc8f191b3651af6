import * as tf from "../../deps/tfjs.ts";
import {
  type GroupedConv,
  groupedConv2dFilterGradientKernel,
  groupedConv2dInputGradientKernel,
  groupedConv2dKernel,
  groupedFilterParts,
  groupedHalf,
} from "../kernels/grouped_conv2d.ts";
import type { Gpu } from "../start_webgpu.ts";
import { addParts } from "./conv_direct.ts";

/** The output of a grouped layer, [batch, OH, OW, O]. */
export function groupedForward(gpu: Gpu, x: tf.Tensor, filter: tf.Tensor, conv: GroupedConv): tf.Tensor {
  return gpu.kernels.run(groupedConv2dKernel(conv), [x, filter], [{
    shape: [conv.batch, ...conv.output],
    half: groupedHalf(conv),
  }])[0];
}

/** The input's gradient, [batch, H, W, C]. */
export function groupedInputGradient(gpu: Gpu, dy: tf.Tensor, filter: tf.Tensor, conv: GroupedConv): tf.Tensor {
  const spec = groupedConv2dInputGradientKernel(conv);
  return gpu.kernels.run(spec, [dy, filter], [{ shape: [conv.batch, ...conv.input] }])[0];
}

/** The filter's gradient, of the filter's shape [h, w, C / groups, O]. */
export function groupedFilterGradient(
  gpu: Gpu,
  x: tf.Tensor,
  dy: tf.Tensor,
  shape: number[],
  conv: GroupedConv,
): tf.Tensor {
  return tf.tidy(() => {
    const parts = groupedFilterParts(conv);
    const spec = groupedConv2dFilterGradientKernel(conv);
    return addParts(gpu, gpu.kernels.run(spec, [x, dy], [{ shape: [parts, ...shape] }])[0], shape);
  });
}
