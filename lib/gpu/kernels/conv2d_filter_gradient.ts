import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/** What the filter gradient of a dense convolution sums over. Channels are multiples of four. */
export interface FilterGradientPass {
  readonly batch: number;
  /** Input height, width, channels. */
  readonly input: readonly [number, number, number];
  /** Output height, width, channels. */
  readonly output: readonly [number, number, number];
  /** Filter height, width. */
  readonly filter: readonly [number, number];
  readonly stride: number;
  readonly pad: number;
  /** Parts the output rows are divided into; their sums are added up by {@linkcode sumPartsKernel}. */
  readonly splits: number;
}

/** Register tile of one lane: `inputs` x 4 input channels by `vectors` x 4 output channels, for each tap of a filter row. */
export interface FilterGradientTile {
  readonly inputs: number;
  readonly vectors: number;
}

/** Products added into one running sum before it is added to the total. */
const BLOCK_TERMS = 112;

/**
 * Gradient of a dense convolution's filter: for every tap, input channel and output channel the sum over all output
 * positions of input times output gradient. Bindings: input [N, H, W, C], gradient [N, OH, OW, O], parts
 * [splits, taps, C, O].
 *
 * A lane owns one filter row for a block of channels and walks along the output rows with a sliding window of input
 * columns, so that each loaded input column serves every tap of the row. Splitting the rows gives a GPU enough lanes,
 * and keeps float32 sums short.
 */
export const conv2dFilterGradientKernel = remembered(
  function (pass: FilterGradientPass, tile: FilterGradientTile): KernelSpec {
    const [height, width, channels] = pass.input;
    const [outHeight, outWidth, outChannels] = pass.output;
    const [filterHeight, filterWidth] = pass.filter;
    const inVectors = channels / 4;
    const outVectors = outChannels / 4;
    const inGroups = Math.ceil(inVectors / tile.inputs);
    const outGroups = Math.ceil(outVectors / tile.vectors);
    const totalRows = pass.batch * outHeight;
    const rowsPerSplit = Math.ceil(totalRows / pass.splits);
    const lanes = outGroups * inGroups * filterHeight * pass.splits;
    // Short sums are added up, not one long one: the rounding error of a float32 sum grows with its length.
    const blockRows = Math.max(1, Math.floor(BLOCK_TERMS / outWidth));
    const kept = Math.max(0, filterWidth - pass.stride);

    const lines: string[] = [];
    const say = (line: string) => lines.push(line);
    for (let a = 0; a < tile.inputs; a++) {
      const exact = inVectors % tile.inputs === 0;
      say(
        `let i${a} = ${
          exact ? `inGroup * ${tile.inputs}u + ${a}u` : `min(inGroup * ${tile.inputs}u + ${a}u, ${inVectors - 1}u)`
        };`,
      );
    }
    for (let b = 0; b < tile.vectors; b++) {
      const exact = outVectors % tile.vectors === 0;
      say(
        `let o${b} = ${
          exact ? `outGroup * ${tile.vectors}u + ${b}u` : `min(outGroup * ${tile.vectors}u + ${b}u, ${outVectors - 1}u)`
        };`,
      );
    }
    for (let k = 0; k < filterWidth; k++) {
      for (let a = 0; a < tile.inputs; a++) {
        for (let j = 0; j < 4; j++) {
          for (let b = 0; b < tile.vectors; b++) {
            say(`var s${k}_${a}_${j}_${b} = vec4f(); var t${k}_${a}_${j}_${b} = vec4f();`);
          }
        }
      }
    }
    const load = (k: number, column: string) => {
      say(`{ let column = ${column}; let ok = column >= 0 && column < ${width};`);
      say(`let at = inputRow + u32(clamp(column, 0, ${width - 1})) * ${inVectors}u;`);
      for (let a = 0; a < tile.inputs; a++) say(`x${k}_${a} = select(vec4f(), input[at + i${a}], ok);`);
      say("}");
    };
    say(`let first = split * ${rowsPerSplit}u;`);
    say(`let last = min(first + ${rowsPerSplit}u, ${totalRows}u);`);
    say(
      `for (var block = first; block < last; block += ${blockRows}u) { let blockEnd = min(block + ${blockRows}u, last);`,
    );
    say("for (var line = block; line < blockEnd; line++) {");
    say(`let iy = i32(line % ${outHeight}u) * ${pass.stride} + i32(tapRow) - ${pass.pad};`);
    say(`if (iy >= 0 && iy < ${height}) {`);
    say(`let inputRow = (line / ${outHeight}u * ${height}u + u32(iy)) * ${width * inVectors}u;`);
    say(`let gradientRow = line * ${outWidth * outVectors}u;`);
    for (let k = 0; k < filterWidth; k++) {
      for (let a = 0; a < tile.inputs; a++) say(`var x${k}_${a} = vec4f();`);
    }
    for (let k = 0; k < kept; k++) load(k, `${k - pass.pad}`);
    say(`for (var ox = 0u; ox < ${outWidth}u; ox++) {`);
    for (let k = kept; k < filterWidth; k++) load(k, `i32(ox) * ${pass.stride} + ${k - pass.pad}`);
    for (let b = 0; b < tile.vectors; b++) say(`let g${b} = gradient[gradientRow + ox * ${outVectors}u + o${b}];`);
    for (let k = 0; k < filterWidth; k++) {
      for (let a = 0; a < tile.inputs; a++) {
        for (let j = 0; j < 4; j++) {
          for (let b = 0; b < tile.vectors; b++) say(`s${k}_${a}_${j}_${b} += x${k}_${a}.${"xyzw"[j]} * g${b};`);
        }
      }
    }
    for (let k = 0; k < kept; k++) {
      for (let a = 0; a < tile.inputs; a++) say(`x${k}_${a} = x${k + pass.stride}_${a};`);
    }
    say("}}}");
    for (let k = 0; k < filterWidth; k++) {
      for (let a = 0; a < tile.inputs; a++) {
        for (let j = 0; j < 4; j++) {
          for (let b = 0; b < tile.vectors; b++) {
            say(`t${k}_${a}_${j}_${b} += s${k}_${a}_${j}_${b}; s${k}_${a}_${j}_${b} = vec4f();`);
          }
        }
      }
    }
    say("}");
    for (let a = 0; a < tile.inputs; a++) {
      const inside = inVectors % tile.inputs === 0 ? "" : `inGroup * ${tile.inputs}u + ${a}u < ${inVectors}u`;
      if (inside) say(`if (${inside}) {`);
      for (let b = 0; b < tile.vectors; b++) {
        const within = outVectors % tile.vectors === 0 ? "" : `outGroup * ${tile.vectors}u + ${b}u < ${outVectors}u`;
        if (within) say(`if (${within}) {`);
        for (let k = 0; k < filterWidth; k++) {
          for (let j = 0; j < 4; j++) {
            say(
              `parts[(((split * ${filterHeight}u + tapRow) * ${filterWidth}u + ${k}u) * ${channels}u + i${a} * 4u + ${j}u) * ${outVectors}u + o${b}] = t${k}_${a}_${j}_${b};`,
            );
          }
        }
        if (within) say("}");
      }
      if (inside) say("}");
    }

    const { size, workgroups } = spread(lanes);
    return {
      name:
        `conv2d filter gradient ${filterHeight}x${filterWidth} ${channels}->${outChannels} on ${outHeight}x${outWidth}`,
      bindings: ["read", "read", "write"],
      workgroups,
      wgsl: `
${storage(0, "input", "vec4f", pass.batch * height * width * inVectors)}
${storage(1, "gradient", "vec4f", pass.batch * outHeight * outWidth * outVectors)}
${storage(2, "parts", "vec4f", pass.splits * filterHeight * filterWidth * channels * outVectors, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let outGroup = lane % ${outGroups}u;
  let inGroup = lane / ${outGroups}u % ${inGroups}u;
  let tapRow = lane / ${outGroups * inGroups}u % ${filterHeight}u;
  let split = lane / ${outGroups * inGroups * filterHeight}u;
  ${lines.join("\n  ")}
}`,
    };
  },
);
