import type { ConvLayer } from "./conv_layer.ts";
import { forwardPass } from "./conv_geometry.ts";
import { conv2dKernel } from "./kernels/conv2d.ts";
import { conv2dFilterGradientKernel } from "./kernels/conv2d_filter_gradient.ts";
import { conv2dTiledKernel, filterGradientTiledKernel } from "./kernels/conv2d_tiled.ts";
import { convTile, filterGradientTile } from "./kernels/conv_tiles.ts";
import { matrixProductKernel } from "./kernels/matrix_product.ts";
import {
  winogradFilterGradientKernel,
  winogradFilterKernel,
  winogradGradientKernel,
  winogradInputKernel,
  winogradOutputKernel,
} from "./kernels/winograd_transforms.ts";

/** A layer that meets every branch of the generators. */
const LAYER: ConvLayer = { batch: 2, input: [9, 7, 8], output: [9, 7, 12], filter: [3, 3], stride: 1, pad: 1 };

/**
 * A short hash of the convolution kernels as they are generated: times measured with others say nothing of these.
 *
 * @example
 * ```ts
 * import { kernelsHash } from "./kernels_hash.ts";
 *
 * console.assert(/^[0-9a-f]{16}$/.test(await kernelsHash()));
 * ```
 */
export async function kernelsHash(): Promise<string> {
  const size = { positions: 8, vectors: 2 };
  const tiled = {
    tile: { family: "workgroup", m: 32, n: 32, k: 8, threadM: 4, threadN: 4 } as const,
    splits: 2,
  };
  const tiles = [{ family: "registers", rows: 8, vectors: 2 } as const, tiled.tile];
  const norm = { prelu: true };
  const pass = forwardPass(LAYER);
  const specs = [
    conv2dKernel(pass, convTile(pass, size)),
    conv2dFilterGradientKernel({ ...LAYER, splits: 2 }, filterGradientTile(LAYER, size)),
    conv2dTiledKernel(pass, tiled, norm),
    filterGradientTiledKernel(LAYER, tiled, norm),
    ...tiles.flatMap((tile) =>
      [false, true].map((transposed) =>
        matrixProductKernel({ batch: 2, m: 12, k: 8, n: 12, transposed, splits: 2 }, tile)
      )
    ),
    ...([2, 4] as const).flatMap((outputs) => [
      winogradInputKernel({ ...LAYER, size: outputs }, norm),
      winogradGradientKernel({ ...LAYER, size: outputs }),
      winogradOutputKernel({ ...LAYER, size: outputs }),
      winogradFilterKernel(8, 12, outputs, false),
      winogradFilterGradientKernel(8, 12, outputs, 2),
    ]),
  ];
  const bytes = new TextEncoder().encode(specs.map(({ wgsl }) => wgsl).join("\n"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
