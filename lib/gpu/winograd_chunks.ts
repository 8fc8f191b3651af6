import type { ConvLayer } from "./conv_layer.ts";
import type { WinogradSize } from "./kernels/winograd.ts";

/** Most bytes of one table of transformed tiles; images are gone over in chunks that keep within it. */
const WORKSPACE = 2 ** 27;

/** A run of images, all of them computed by the same kernels. */
export interface ImageChunk {
  readonly first: number;
  readonly count: number;
}

/** Images in chunks whose tables fit a binding of that many bytes; undefined if one image's does not, or chunks could not start where a binding may. */
export function winogradChunks(binding: number, layer: ConvLayer, size: WinogradSize): ImageChunk[] | undefined {
  const { batch, input, output } = layer;
  const limit = Math.min(WORKSPACE, binding);
  const planes = (size + 2) ** 2;
  const grid = (sides: readonly number[]) => Math.ceil(sides[0] / size) * Math.ceil(sides[1] / size);
  // The input's gradient goes over tiles of the input.
  const tiles = Math.max(grid(output), grid(input));
  const perImage = 4 * planes * tiles * Math.max(input[2], output[2]);
  const most = Math.floor((limit - 64 * planes * Math.max(input[2], output[2])) / perImage);
  if (most >= batch) return [{ first: 0, count: batch }];
  const aligned = [1, 2, 4, 8, 16].find((step) => [input, output].every(([h, w, c]) => step * h * w * c % 64 === 0))!;
  const count = Math.floor(most / aligned) * aligned;
  if (count < 1) return undefined;
  return Array.from(
    { length: Math.ceil(batch / count) },
    (_, i) => ({ first: i * count, count: Math.min(count, batch - i * count) }),
  );
}

/** Whether the method is for this layer: 3x3, stride 1. */
export function winogradFits(layer: ConvLayer): boolean {
  return layer.filter[0] === 3 && layer.filter[1] === 3 && layer.stride === 1 && layer.pad <= 2;
}
