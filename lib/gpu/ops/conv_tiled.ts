import * as tf from "../../deps/tfjs.ts";
import { forwardPass, inputGradientPasses, leavesInputsOut } from "../conv_geometry.ts";
import type { ConvLayer } from "../conv_layer.ts";
import { conv2dTiledKernel, filterGradientTiledKernel, type TiledChoice } from "../kernels/conv2d_tiled.ts";
import type { NormOnLoad } from "../kernels/norm_on_load.ts";
import type { Gpu } from "../start_webgpu.ts";
import { addParts, exchangeChannels } from "./conv_direct.ts";
import type { Norm } from "./norm.ts";

/** The output, the input being normalised while it is read where a norm is given. */
export function tiledForward(
  gpu: Gpu,
  x: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  choice: TiledChoice,
  norm?: Norm,
): tf.Tensor {
  const shape = [layer.batch, ...layer.output];
  const { half } = layer;
  const spec = conv2dTiledKernel(forwardPass(layer), tiledChoice(gpu, layer, choice), normOf(norm));
  return tf.tidy(() => {
    const inputs = norm ? [x, filter, norm.table] : [x, filter];
    const parts = { shape: [choice.splits, ...shape], half: half && choice.splits === 1 };
    return addParts(gpu, gpu.kernels.run(spec, inputs, [parts])[0], shape, half);
  });
}

/** The input's gradient. */
export function tiledInputGradient(
  gpu: Gpu,
  dy: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  choice: TiledChoice,
): tf.Tensor {
  const shape = [layer.batch, ...layer.input];
  return tf.tidy(() => {
    const exchanged = exchangeChannels(gpu, filter, layer);
    const passes = inputGradientPasses(layer);
    // Several passes each write positions of their own: there is nothing to add up.
    const { splits, ...rest } = tiledChoice(gpu, layer, passes.length === 1 ? choice : { ...choice, splits: 1 });
    let parts = leavesInputsOut(layer) ? gpu.kernels.zeros([1, ...shape]) : undefined;
    for (const pass of passes) {
      const spec = conv2dTiledKernel(pass, { ...rest, splits: parts ? 1 : splits });
      parts = gpu.kernels.run(spec, [dy, exchanged], [parts ?? { shape: [splits, ...shape] }])[0];
    }
    return addParts(gpu, parts!, shape);
  });
}

/** The filter's gradient, the input being normalised while it is read where a norm is given. */
export function tiledFilterGradient(
  gpu: Gpu,
  x: tf.Tensor,
  dy: tf.Tensor,
  layer: ConvLayer,
  choice: TiledChoice,
  norm?: Norm,
): tf.Tensor {
  const shape = [...layer.filter, layer.input[2], layer.output[2]];
  const spec = filterGradientTiledKernel(layer, tiledChoice(gpu, layer, choice), normOf(norm));
  return tf.tidy(() => {
    const inputs = norm ? [x, dy, norm.table] : [x, dy];
    return addParts(gpu, gpu.kernels.run(spec, inputs, [{ shape: [choice.splits, ...shape] }])[0], shape);
  });
}

/** The choice, with tiles in half precision where the layer wants it and the device can. */
function tiledChoice(gpu: Gpu, { half }: ConvLayer, { tile, splits }: TiledChoice): TiledChoice {
  return { tile, splits, half: half && gpu.device.features.has("shader-f16") };
}

function normOf(norm: Norm | undefined): NormOnLoad | undefined {
  return norm && { prelu: norm.slope !== undefined };
}
