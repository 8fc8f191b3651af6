import type { ConvLayer } from "../conv_layer.ts";
import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import type { ConvPass } from "./conv2d.ts";
import { normBinding, type NormOnLoad, normOnLoad } from "./norm_on_load.ts";
import { tiledProductKernel, type WorkgroupTile } from "./tiled_product.ts";
import { storage } from "./wgsl.ts";

/** A tiled pass: its tile, and the parts that the sum is divided into. */
export interface TiledChoice {
  readonly tile: WorkgroupTile;
  /** More than one where the output alone does not keep a GPU busy; the parts are added up afterwards. */
  readonly splits: number;
  /** Both factors are rounded to half precision in workgroup memory; sums are float32. Needs the feature shader-f16. @default false */
  readonly half?: boolean;
}

/**
 * A dense pass as a product of matrices that are never written (implicit GEMM): rows are output positions of all images, columns
 * output channels, and the sum goes over taps and input channels. The input is normalised while it is read where asked.
 * Bindings: input [N, H, W, C], filter [taps, C, O], [norm], output [splits, N, OH, OW, O].
 */
export const conv2dTiledKernel = remembered(
  function (pass: ConvPass, { tile, splits, half }: TiledChoice, norm?: NormOnLoad): KernelSpec {
    const [height, width, channels] = pass.input;
    const [outHeight, outWidth, outputs] = pass.output;
    const [gridRows, gridCols] = pass.grid;
    const { rows, cols } = pass;
    const [wideIn, wideOut] = [channels / 4, outputs / 4];
    const size = pass.batch * outHeight * outWidth * wideOut;
    const positions = gridRows * gridCols;
    const plain = pass.outputStride === 1 && positions === outHeight * outWidth;
    // Taps in order and all of them: the filter's rows are those of the product.
    const inOrder = cols.count === pass.filterWidth && cols.tapStep === 1 && rows.tapStep === 1 && rows.tap === 0;
    const place = plain
      ? "row"
      : `((row / ${positions}u * ${outHeight}u + row / ${gridCols}u % ${gridRows}u * ${pass.outputStride}u + ${
        pass.outputOffset[0]
      }u) * ${outWidth}u + row % ${gridCols}u * ${pass.outputStride}u + ${pass.outputOffset[1]}u)`;
    return tiledProductKernel({
      name: `conv2d tiled ${rows.count}x${cols.count} ${channels}->${outputs} on ${gridRows}x${gridCols}`,
      batch: 1,
      m: pass.batch * positions,
      k: rows.count * cols.count * channels,
      n: outputs,
      transposed: false,
      splits,
      half,
      inputs: [
        storage(0, "input", "vec4f", pass.batch * height * width * wideIn),
        storage(1, "filter_", "vec4f"),
        ...(norm ? [normBinding(2, norm, channels)] : []),
      ],
      functions: `
fn positionOf(row: u32) -> vec3i {
  return vec3i(
    i32(row / ${positions}u),
    i32(row / ${gridCols}u % ${gridRows}u) * ${pass.inputStride} + ${rows.offset},
    i32(row % ${gridCols}u) * ${pass.inputStride} + ${cols.offset},
  );
}
fn readInput(at: vec3i, vector: u32) -> vec4f {
  let c = vector % ${wideIn}u;
  let tap = i32(vector / ${wideIn}u);
  let y = at.y + tap / ${cols.count} * ${rows.offsetStep};
  let x = at.z + tap % ${cols.count} * ${cols.offsetStep};
  ${readAt("at.x", height, width, wideIn, norm)}
}
fn filterRow(k: u32) -> u32 {
  ${
        inOrder ? "return k;" : `let tap = k / ${channels}u;
  let row = ${rows.tap}u + tap / ${cols.count}u * ${rows.tapStep}u;
  let column = ${cols.tap}u + tap % ${cols.count}u * ${cols.tapStep}u;
  return (row * ${pass.filterWidth}u + column) * ${channels}u + k % ${channels}u;`
      }
}`,
      rowOfA: (name, row) => `let position${name} = positionOf(${row});`,
      loadA: (name, _row, vector) => `readInput(position${name}, ${vector})`,
      loadB: (at, vector) => `filter_[filterRow(${at}) * ${wideOut}u + ${vector}]`,
      output: storage(norm ? 3 : 2, "output", "vec4f", splits * size, "write"),
      store: (_row, vector, value) =>
        `output[${splits > 1 ? `split * ${size}u + ` : ""}${place} * ${wideOut}u + ${vector}] = ${value};`,
    }, tile);
  },
);

/** Reads the input's vector `c` at (image, y, x), normalised, zero outside. */
function readAt(image: string, height: number, width: number, wide: number, norm?: NormOnLoad): string {
  return `if (y < 0 || y >= ${height} || x < 0 || x >= ${width}) { return vec4f(); }
  let value = input[u32((${image} * ${height} + y) * ${width} + x) * ${wide}u + c];
  ${norm ? `${normOnLoad.setup(norm, "c", wide)} return ${normOnLoad.apply(norm, "value")};` : "return value;"}`;
}

/**
 * The filter's gradient, a product for each tap: rows are input channels, columns output channels, and the sum goes over the
 * output positions of all images. Bindings: input [N, H, W, C], gradient [N, OH, OW, O], [norm], parts [splits, taps, C, O].
 */
export const filterGradientTiledKernel = remembered(function (
  layer: ConvLayer,
  { tile, splits, half }: TiledChoice,
  norm?: NormOnLoad,
): KernelSpec {
  const [height, width, channels] = layer.input;
  const [outHeight, outWidth, outputs] = layer.output;
  const [filterHeight, filterWidth] = layer.filter;
  const [wideIn, wideOut] = [channels / 4, outputs / 4];
  const taps = filterHeight * filterWidth;
  const positions = layer.batch * outHeight * outWidth;
  return tiledProductKernel({
    name:
      `conv2d tiled filter gradient ${filterHeight}x${filterWidth} ${channels}->${outputs} on ${outHeight}x${outWidth}`,
    batch: taps,
    m: channels,
    k: positions,
    n: outputs,
    transposed: true,
    splits,
    half,
    inputs: [
      storage(0, "input", "vec4f", layer.batch * height * width * wideIn),
      storage(1, "gradient", "vec4f", positions * wideOut),
      ...(norm ? [normBinding(2, norm, channels)] : []),
    ],
    functions: `
fn readInput(tap: u32, position: u32, c: u32) -> vec4f {
  let y = i32(position / ${outWidth}u % ${outHeight}u) * ${layer.stride} + i32(tap / ${filterWidth}u) - ${layer.pad};
  let x = i32(position % ${outWidth}u) * ${layer.stride} + i32(tap % ${filterWidth}u) - ${layer.pad};
  let image = i32(position / ${outHeight * outWidth}u);
  ${readAt("image", height, width, wideIn, norm)}
}`,
    rowOfA: () => "",
    loadA: (_name, at, vector) => `readInput(layer, ${at}, ${vector})`,
    loadB: (at, vector) => `gradient[${at} * ${wideOut}u + ${vector}]`,
    output: storage(norm ? 3 : 2, "parts", "vec4f", splits * taps * channels * wideOut, "write"),
    store: (row, vector, value) =>
      `parts[((split * ${taps}u + layer) * ${channels}u + ${row}) * ${wideOut}u + ${vector}] = ${value};`,
  }, tile);
});
