import * as tf from "../../deps/tfjs.ts";
import { forwardPass, inputGradientPasses, leavesInputsOut } from "../conv_geometry.ts";
import type { ConvLayer } from "../conv_layer.ts";
import { conv2dKernel } from "../kernels/conv2d.ts";
import { conv2dFilterGradientKernel } from "../kernels/conv2d_filter_gradient.ts";
import { convTile, type DirectSize, filterGradientTile } from "../kernels/conv_tiles.ts";
import { sumPartsKernel } from "../kernels/sum_parts.ts";
import { transposeKernel } from "../kernels/transpose.ts";
import type { Gpu } from "../start_webgpu.ts";

/** The output, [batch, OH, OW, O]. */
export function directForward(
  gpu: Gpu,
  x: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  size: DirectSize,
): tf.Tensor {
  const pass = forwardPass(layer);
  const spec = conv2dKernel(pass, convTile(pass, size));
  return gpu.kernels.run(spec, [x, filter], [{ shape: [layer.batch, ...layer.output], half: layer.half }])[0];
}

/** The input's gradient, [batch, H, W, C]. */
export function directInputGradient(
  gpu: Gpu,
  dy: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  size: DirectSize,
): tf.Tensor {
  return tf.tidy(() => {
    const transposed = exchangeChannels(gpu, filter, layer);
    let dx = leavesInputsOut(layer) ? gpu.kernels.zeros([layer.batch, ...layer.input]) : undefined;
    for (const pass of inputGradientPasses(layer)) {
      const spec = conv2dKernel(pass, convTile(pass, size));
      dx = gpu.kernels.run(spec, [dy, transposed], [dx ?? { shape: [layer.batch, ...layer.input] }])[0];
    }
    return dx!;
  });
}

/** The filter's gradient, [h, w, C, O]. */
export function directFilterGradient(
  gpu: Gpu,
  x: tf.Tensor,
  dy: tf.Tensor,
  layer: ConvLayer,
  size: DirectSize,
): tf.Tensor {
  const { batch, output } = layer;
  const splits = Math.max(1, Math.min(batch * output[0], Math.ceil(batch * output[0] * output[1] / 1024)));
  const spec = conv2dFilterGradientKernel({ ...layer, splits }, filterGradientTile(layer, size));
  return tf.tidy(() => {
    const shape = [...layer.filter, layer.input[2], layer.output[2]];
    const [parts] = gpu.kernels.run(spec, [x, dy], [{ shape: [splits, ...shape] }]);
    return addParts(gpu, parts, shape);
  });
}

/** The filter [taps, C, O] as [taps, O, C]. */
export function exchangeChannels(gpu: Gpu, filter: tf.Tensor, { filter: size, input, output }: ConvLayer): tf.Tensor {
  const taps = size[0] * size[1];
  return gpu.kernels.run(transposeKernel(taps, input[2], output[2]), [filter], [{
    shape: [taps, output[2], input[2]],
  }])[0];
}

/** The sum over the first axis, [parts, …shape], in half precision where asked; a single part is that sum as it is. */
export function addParts(gpu: Gpu, parts: tf.Tensor, shape: number[], half = false): tf.Tensor {
  const count = parts.shape[0];
  if (count === 1) return parts.reshape(shape);
  return gpu.kernels.run(sumPartsKernel(1, count, tf.util.sizeFromShape(shape)), [parts], [{ shape, half }])[0];
}
