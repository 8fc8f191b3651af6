import * as tf from "../../deps/tfjs.ts";
import type { ConvLayer } from "../conv_layer.ts";
import type { TensorRange } from "../kernel_runner.ts";
import { matrixProductKernel, type ProductTile } from "../kernels/matrix_product.ts";
import type { WinogradSize } from "../kernels/winograd.ts";
import {
  winogradFilterGradientKernel,
  winogradFilterKernel,
  winogradGradientKernel,
  winogradInputKernel,
  winogradOutputKernel,
  type WinogradPass,
  winogradTiles,
} from "../kernels/winograd_transforms.ts";
import type { Gpu } from "../start_webgpu.ts";
import { type ImageChunk, winogradChunks } from "../winograd_chunks.ts";
import { exchangeChannels } from "./conv_direct.ts";
import type { Norm } from "./norm.ts";

/** How a layer is computed by Winograd's method. */
export interface WinogradChoice {
  readonly size: WinogradSize;
  readonly tile: ProductTile;
}

/** Tiles that are added up in one sum of a filter's gradient: short sums round less. */
const TILES_PER_SUM = 1024;

const imagesOf = (tensor: tf.Tensor, { first, count }: ImageChunk): tf.Tensor | TensorRange => {
  const perImage = tensor.size / tensor.shape[0];
  return count === tensor.shape[0] ? tensor : { tensor, first: first * perImage, size: count * perImage };
};

/** The output, normalising the input while it is read where a norm is given. */
export function winogradForward(
  gpu: Gpu,
  x: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  choice: WinogradChoice,
  norm?: Norm,
): tf.Tensor {
  return tf.tidy(() => {
    const transformed = transformFilter(gpu, filter, layer.input[2], layer.output[2], choice.size, false);
    return convolve(gpu, x, transformed, layer, choice, norm);
  });
}

/** The input's gradient: a convolution of the output's gradient with the filter turned round and its channels exchanged. */
export function winogradInputGradient(
  gpu: Gpu,
  dy: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  choice: WinogradChoice,
): tf.Tensor {
  const [channels, outputs] = [layer.input[2], layer.output[2]];
  return tf.tidy(() => {
    const exchanged = exchangeChannels(gpu, filter, layer);
    const transformed = transformFilter(gpu, exchanged, outputs, channels, choice.size, true);
    return convolve(
      gpu,
      dy,
      transformed,
      { ...layer, input: layer.output, output: layer.input, pad: 2 - layer.pad, half: false },
      choice,
    );
  });
}

function transformFilter(
  gpu: Gpu,
  filter: tf.Tensor,
  channels: number,
  outputs: number,
  size: WinogradSize,
  flipped: boolean,
): tf.Tensor {
  const spec = winogradFilterKernel(channels, outputs, size, flipped);
  return gpu.kernels.run(spec, [filter], [{ shape: [channels, (size + 2) ** 2, outputs] }])[0];
}

function convolve(
  gpu: Gpu,
  x: tf.Tensor,
  transformed: tf.Tensor,
  layer: ConvLayer,
  { size, tile }: WinogradChoice,
  norm?: Norm,
): tf.Tensor {
  const output = gpu.kernels.empty([layer.batch, ...layer.output], layer.half);
  const planes = (size + 2) ** 2;
  for (const chunk of winogradChunks(gpu.device.limits.maxStorageBufferBindingSize, layer, size)!) {
    tf.tidy(() => {
      const pass: WinogradPass = { ...layer, batch: chunk.count, size };
      const { count } = winogradTiles(pass);
      const tiles = transformInput(gpu, imagesOf(x, chunk), pass, norm);
      const product = { batch: planes, m: count, k: layer.input[2], n: layer.output[2], transposed: false, splits: 1 };
      const [products] = gpu.kernels.run(matrixProductKernel(product, tile), [tiles, transformed], [{
        shape: [count, planes, layer.output[2]],
      }]);
      gpu.kernels.run(winogradOutputKernel(pass), [products], [imagesOf(output, chunk)]);
    });
  }
  return output;
}

function transformInput(gpu: Gpu, x: tf.Tensor | TensorRange, pass: WinogradPass, norm?: Norm): tf.Tensor {
  const spec = winogradInputKernel(pass, norm && { prelu: norm.slope !== undefined });
  const shape = [winogradTiles(pass).count, (pass.size + 2) ** 2, pass.input[2]];
  return gpu.kernels.run(spec, norm ? [x, norm.table] : [x], [{ shape }])[0];
}

/** The filter's gradient, the input being normalised while it is read where a norm is given. */
export function winogradFilterGradient(
  gpu: Gpu,
  x: tf.Tensor,
  dy: tf.Tensor,
  layer: ConvLayer,
  { size, tile }: WinogradChoice,
  norm?: Norm,
): tf.Tensor {
  const [channels, outputs] = [layer.input[2], layer.output[2]];
  const planes = (size + 2) ** 2;
  return tf.tidy(() => {
    const sums: tf.Tensor[] = [];
    for (const chunk of winogradChunks(gpu.device.limits.maxStorageBufferBindingSize, layer, size)!) {
      sums.push(tf.tidy(() => {
        const pass: WinogradPass = { ...layer, batch: chunk.count, size };
        const { count } = winogradTiles(pass);
        const tiles = transformInput(gpu, imagesOf(x, chunk), pass, norm);
        const [gradients] = gpu.kernels.run(winogradGradientKernel(pass), [imagesOf(dy, chunk)], [{
          shape: [count, planes, outputs],
        }]);
        const splits = splitsOf(gpu, count, planes * channels * outputs);
        const product = { batch: planes, m: channels, k: count, n: outputs, transposed: true, splits };
        return gpu.kernels.run(matrixProductKernel(product, tile), [tiles, gradients], [{
          shape: [splits, channels, planes, outputs],
        }])[0];
      }));
    }
    const all = sums.length === 1 ? sums[0] : tf.concat(sums);
    const spec = winogradFilterGradientKernel(channels, outputs, size, all.shape[0]);
    return gpu.kernels.run(spec, [all], [{ shape: [3, 3, channels, outputs] }])[0];
  });
}

/** Parts of the tiles that are summed apart, as many as short sums want and a binding holds. */
function splitsOf(gpu: Gpu, tiles: number, size: number): number {
  const most = Math.floor(gpu.device.limits.maxStorageBufferBindingSize / 4 / size);
  return Math.max(1, Math.min(Math.ceil(tiles / TILES_PER_SUM), most, 16));
}
