import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/**
 * Which filter taps one axis of a convolution reads, as a regular progression: step k reads input position
 * `out * inputStride + offset + k * offsetStep` and filter tap `tap + k * tapStep`.
 */
export interface TapAxis {
  readonly count: number;
  readonly offset: number;
  readonly offsetStep: number;
  readonly tap: number;
  readonly tapStep: number;
}

/** One dense convolution pass over NHWC tensors whose channels are multiples of four. */
export interface ConvPass {
  readonly batch: number;
  /** Input height, width, channels. */
  readonly input: readonly [number, number, number];
  /** Output height, width, channels, as allocated. */
  readonly output: readonly [number, number, number];
  /** Positions this pass computes: rows and columns of the sub-grid of the output. */
  readonly grid: readonly [number, number];
  /** Grid position (r, c) is output position (r * outputStride + outputOffset[0], …). */
  readonly outputStride: number;
  readonly outputOffset: readonly [number, number];
  readonly inputStride: number;
  readonly rows: TapAxis;
  readonly cols: TapAxis;
  /** Width of the filter in taps, to find tap (y, x) at y * filterWidth + x. */
  readonly filterWidth: number;
}

/** Register tile of one lane: rows x columns of positions, `vectors` x 4 output channels. */
export interface ConvTile {
  readonly rows: number;
  readonly cols: number;
  readonly vectors: number;
}

/** Products added into one running sum before it is added to the total. */
const BLOCK_TERMS = 192;

/**
 * Dense convolution without barriers: a lane keeps a tile of outputs in registers and walks over the taps and the input
 * channels, four at a time. Bindings: input [N, H, W, C], filter [taps, C, O], output [N, OH, OW, O].
 *
 * On a software adapter a vector load costs about twenty vector multiply-adds, so each loaded input column serves every
 * tap of its row, and the tile is as large as the registers bear.
 */
export const conv2dKernel = remembered(function (pass: ConvPass, tile: ConvTile): KernelSpec {
  const [height, width, channels] = pass.input;
  const [outHeight, outWidth, outChannels] = pass.output;
  const [gridRows, gridCols] = pass.grid;
  const inVectors = channels / 4;
  const outVectors = outChannels / 4;
  const groups = Math.ceil(outVectors / tile.vectors);
  const colTiles = Math.ceil(gridCols / tile.cols);
  // Rows of all images in one sequence: a tile may span two images.
  const totalRows = pass.batch * gridRows;
  const rowTiles = Math.ceil(totalRows / tile.rows);
  const lanes = groups * colTiles * rowTiles;
  const { rows, cols } = pass;
  // Sums of short blocks are added up, not one long one: the rounding error of a float32 sum grows with its length.
  const block = Math.max(1, Math.floor(BLOCK_TERMS / (4 * Math.max(1, cols.count))));
  const blocks = Math.ceil(inVectors / block);

  const columnOffsets = new Map<number, number>();
  for (let c = 0; c < tile.cols; c++) {
    for (let k = 0; k < cols.count; k++) {
      const at = c * pass.inputStride + cols.offset + k * cols.offsetStep;
      if (!columnOffsets.has(at)) columnOffsets.set(at, columnOffsets.size);
    }
  }
  const exactRows = totalRows % tile.rows === 0;
  const exactCols = gridCols % tile.cols === 0;
  const exactVectors = outVectors % tile.vectors === 0;

  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  for (let r = 0; r < tile.rows; r++) {
    for (let c = 0; c < tile.cols; c++) {
      for (let v = 0; v < tile.vectors; v++) say(`var a${r}_${c}_${v} = vec4f(); var t${r}_${c}_${v} = vec4f();`);
    }
  }
  for (let r = 0; r < tile.rows; r++) {
    say(
      `let line${r} = ${
        exactRows ? `rowTile * ${tile.rows}u + ${r}u` : `min(rowTile * ${tile.rows}u + ${r}u, ${totalRows - 1}u)`
      };`,
    );
    say(`let image${r} = line${r} / ${gridRows}u;`);
    say(`let y${r} = i32(line${r} % ${gridRows}u) * ${pass.inputStride} + ${rows.offset};`);
  }
  say(`let x0 = i32(colTile * ${tile.cols * pass.inputStride}u);`);
  for (const [at, name] of columnOffsets) {
    say(`let cx${name} = x0 + ${at};`);
    say(`let ok${name} = cx${name} >= 0 && cx${name} < ${width};`);
    say(`let px${name} = u32(clamp(cx${name}, 0, ${width - 1})) * ${inVectors}u;`);
  }
  for (let v = 0; v < tile.vectors; v++) {
    say(
      `let o${v} = ${
        exactVectors ? `group * ${tile.vectors}u + ${v}u` : `min(group * ${tile.vectors}u + ${v}u, ${outVectors - 1}u)`
      };`,
    );
  }
  say(`for (var k = 0u; k < ${rows.count}u; k++) {`);
  for (let r = 0; r < tile.rows; r++) {
    say(`let iy${r} = y${r} + i32(k) * ${rows.offsetStep};`);
    say(`let in${r} = iy${r} >= 0 && iy${r} < ${height};`);
    say(`let row${r} = (image${r} * ${height}u + u32(clamp(iy${r}, 0, ${height - 1}))) * ${width * inVectors}u;`);
  }
  say(`let tapRow = (${rows.tap}u + k * ${rows.tapStep}u) * ${pass.filterWidth}u;`);
  if (blocks > 1) {
    say(
      `for (var first = 0u; first < ${inVectors}u; first += ${block}u) { let last = min(first + ${block}u, ${inVectors}u);`,
    );
  }
  say(blocks > 1 ? `for (var c4 = first; c4 < last; c4++) {` : `for (var c4 = 0u; c4 < ${inVectors}u; c4++) {`);
  for (let r = 0; r < tile.rows; r++) {
    for (const name of columnOffsets.values()) {
      say(`let v${r}_${name} = select(vec4f(), input[row${r} + px${name} + c4], in${r} && ok${name});`);
    }
  }
  for (let k = 0; k < cols.count; k++) {
    say(`let base${k} = ((tapRow + ${cols.tap + k * cols.tapStep}u) * ${channels}u + c4 * 4u) * ${outVectors}u;`);
    for (let i = 0; i < 4; i++) {
      for (let v = 0; v < tile.vectors; v++) {
        say(`let w${k}_${i}_${v} = filter_[base${k} + ${i * outVectors}u + o${v}];`);
      }
    }
  }
  // One sum at a time, over all that is loaded: a sum that does not fit a register is fetched and stored once, not once per product.
  for (let v = 0; v < tile.vectors; v++) {
    for (let r = 0; r < tile.rows; r++) {
      for (let c = 0; c < tile.cols; c++) {
        const products: string[] = [];
        for (let k = 0; k < cols.count; k++) {
          const name = columnOffsets.get(c * pass.inputStride + cols.offset + k * cols.offsetStep);
          for (let i = 0; i < 4; i++) products.push(`v${r}_${name}.${"xyzw"[i]} * w${k}_${i}_${v}`);
        }
        say(`a${r}_${c}_${v} += ${products.join(" + ")};`);
      }
    }
  }
  say("}");
  for (let r = 0; r < tile.rows; r++) {
    for (let c = 0; c < tile.cols; c++) {
      for (let v = 0; v < tile.vectors; v++) say(`t${r}_${c}_${v} += a${r}_${c}_${v}; a${r}_${c}_${v} = vec4f();`);
    }
  }
  say(blocks > 1 ? "}}" : "}");
  for (let r = 0; r < tile.rows; r++) {
    const row = `line${r} % ${gridRows}u * ${pass.outputStride}u + ${pass.outputOffset[0]}u`;
    if (!exactRows) say(`if (rowTile * ${tile.rows}u + ${r}u < ${totalRows}u) {`);
    say(`let out${r} = (image${r} * ${outHeight}u + ${row}) * ${outWidth * outVectors}u;`);
    for (let c = 0; c < tile.cols; c++) {
      if (!exactCols) say(`if (colTile * ${tile.cols}u + ${c}u < ${gridCols}u) {`);
      const col = `((colTile * ${tile.cols}u + ${c}u) * ${pass.outputStride}u + ${
        pass.outputOffset[1]
      }u) * ${outVectors}u`;
      for (let v = 0; v < tile.vectors; v++) {
        const store = `output[out${r} + ${col} + o${v}] = t${r}_${c}_${v};`;
        say(exactVectors ? store : `if (group * ${tile.vectors}u + ${v}u < ${outVectors}u) { ${store} }`);
      }
      if (!exactCols) say("}");
    }
    if (!exactRows) say("}");
  }

  const { size, workgroups } = spread(lanes);
  return {
    name: `conv2d ${rows.count}x${cols.count} ${channels}->${outChannels} on ${gridRows}x${gridCols}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "input", "vec4f", pass.batch * height * width * inVectors)}
${storage(1, "filter_", "vec4f")}
${storage(2, "output", "vec4f", pass.batch * outHeight * outWidth * outVectors, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let group = lane % ${groups}u;
  let colTile = lane / ${groups}u % ${colTiles}u;
  let rowTile = lane / ${groups * colTiles}u;
  ${lines.join("\n  ")}
}`,
  };
});
