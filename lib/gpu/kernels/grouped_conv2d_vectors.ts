import type { KernelSpec } from "../kernel_spec.ts";
import type { GroupedConv } from "./grouped_conv2d.ts";
import { label, paddedBlock, paddedColumns } from "./padded_reads.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/*
 * Grouped convolutions whose groups are of one, two or four channels on both sides, so that a vector of four channels needs no other. A lane
 * computes a few neighbours of a row, everything unrolled: what it loads serves several of them, and there are few loads to a multiplication
 * in such layers at best.
 */

/** Whether vectors of four channels hold whole groups, as many inputs as outputs. */
export function groupsInVectors({ input, output, groups }: GroupedConv): boolean {
  return input[2] === output[2] && input[2] % 4 === 0 && 4 % (input[2] / groups) === 0;
}

/** Most multiply-adds of a lane: more take long to compile. */
const MOST_UNROLLED = 256;

/** Lanes of a filter's gradient that keep an adapter busy. */
const BUSY = 4096;

/** Most products in one sum of a filter's gradient: short sums round less. */
const PRODUCTS_PER_SUM = 1024;

/** How many neighbours of a row of `width` a lane computes: four to seven, with the fewest beyond the end. */
function columnsOf(width: number, most: number): number {
  const beyond = (columns: number) => Math.ceil(width / columns) * columns - width;
  const choices = [4, 5, 6, 7].filter((columns) => columns <= most && columns <= width);
  if (choices.length === 0) return Math.max(1, Math.min(width, most));
  return choices.reduce((best, columns) => beyond(columns) < beyond(best) ? columns : best);
}

/** The components of a vector that `index` gives for its four channels. */
function swizzle(vector: string, index: (channel: number) => number): string {
  const components = [0, 1, 2, 3].map((channel) => "xyzw"[index(channel)]).join("");
  return components === "xyzw" ? vector : `${vector}.${components}`;
}

const wholes = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const distinct = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

function shapeOf(conv: GroupedConv) {
  const [height, width, channels] = conv.input;
  const [outHeight, outWidth] = conv.output;
  const [filterHeight, filterWidth] = conv.filter;
  const per = channels / conv.groups;
  const name = `${filterHeight}x${filterWidth} ${channels}->${conv.output[2]} /${conv.groups}`;
  return { height, width, outHeight, outWidth, filterHeight, filterWidth, per, wide: channels / 4, name };
}

/** Forward pass. Bindings: input [N, H, W, C], filter [FH, FW, C/groups, O], output [N, OH, OW, O]. */
export const vectorsConv2dKernel = remembered(function (conv: GroupedConv): KernelSpec {
  const { height, width, outHeight, outWidth, filterHeight, filterWidth, per, wide, name } = shapeOf(conv);
  const { batch, stride, pad } = conv;
  const columns = columnsOf(outWidth, Math.floor(MOST_UNROLLED / (filterHeight * filterWidth * per)));
  const blocks = Math.ceil(outWidth / columns);
  const lanes = batch * outHeight * blocks * wide;
  const { size, workgroups } = spread(lanes, 64);
  const inputColumns = distinct(wholes(columns).flatMap((p) => wholes(filterWidth).map((kx) => p * stride + kx)));
  const map = { buffer: "input", height, width, wide };
  const lines = paddedBlock(map, "d", [wholes(filterHeight), inputColumns]);
  for (const p of wholes(columns)) lines.push(`var s${p} = vec4f();`);
  for (const ky of wholes(filterHeight)) {
    for (const kx of wholes(filterWidth)) {
      for (const i of wholes(per)) {
        const w = `w${ky}_${kx}_${i}`;
        lines.push(`let ${w} = filter_[${((ky * filterWidth + kx) * per + i) * wide}u + c];`);
        for (const p of wholes(columns)) {
          const value = swizzle(`d${ky}_${p * stride + kx}`, (channel) => channel - channel % per + i);
          lines.push(`s${p} += ${value} * ${w};`);
        }
      }
    }
  }
  lines.push(`let to = ((image * ${outHeight}u + oy) * ${outWidth}u + block * ${columns}u) * ${wide}u + c;`);
  for (const p of wholes(columns)) {
    const store = `output[to + ${p * wide}u] = s${p};`;
    const exact = p === 0 || outWidth % columns === 0;
    lines.push(exact ? store : `if (block * ${columns}u + ${p}u < ${outWidth}u) { ${store} }`);
  }
  return {
    name: `grouped conv2d ${name}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "input", "vec4f", batch * height * width * wide)}
${storage(1, "filter_", "vec4f", filterHeight * filterWidth * per * wide)}
${storage(2, "output", "vec4f", batch * outHeight * outWidth * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${wide}u;
  let block = lane / ${wide}u % ${blocks}u;
  let oy = lane / ${wide * blocks}u % ${outHeight}u;
  let image = lane / ${wide * blocks * outHeight}u;
  let left = i32(block * ${columns * stride}u) - ${pad};
  let top = i32(oy * ${stride}u) - ${pad};
  ${lines.join("\n  ")}
}`,
  };
});

/**
 * Gradient of the input. Bindings: gradient [N, OH, OW, O], filter [FH, FW, C/groups, O], output [N, H, W, C].
 *
 * A lane computes as many rows as the stride, and columns in multiples of it: which taps meet which of them is then the same for all lanes.
 */
export const vectorsConv2dInputGradientKernel = remembered(function (conv: GroupedConv): KernelSpec {
  const { height, width, outHeight, outWidth, filterHeight, filterWidth, per, wide, name } = shapeOf(conv);
  const { batch, stride, pad } = conv;
  const most = Math.floor(MOST_UNROLLED / (filterHeight * filterWidth * per));
  const steps = Math.max(1, Math.floor(columnsOf(Math.ceil(width / stride), most) / stride));
  const columns = steps * stride;
  const [rowBlocks, columnBlocks] = [Math.ceil(height / stride), Math.ceil(width / columns)];
  const lanes = batch * rowBlocks * columnBlocks * wide;
  const { size, workgroups } = spread(lanes, 64);
  /** Taps that meet a place, with the step from the block's first output to theirs. */
  const meeting = (place: number, taps: number) =>
    wholes(taps).filter((k) => (place + pad - k) % stride === 0).map((k) => ({ k, step: (place + pad - k) / stride }));
  const rows = wholes(stride).map((r) => meeting(r, filterHeight));
  const across = wholes(columns).map((q) => meeting(q, filterWidth));
  const stepsOf = (all: typeof rows) => distinct(all.flat().map(({ step }) => step));
  const map = { buffer: "gradient", height: outHeight, width: outWidth, wide };
  const lines = paddedBlock(map, "g", [stepsOf(rows), stepsOf(across)]);
  for (const tap of wholes(filterHeight * filterWidth)) {
    for (const i of wholes(per)) lines.push(`let w${tap}_${i} = filter_[${(tap * per + i) * wide}u + c];`);
  }
  lines.push(`let to = ((image * ${height}u + y) * ${width}u + x) * ${wide}u + c;`);
  for (const [r, rowTaps] of rows.entries()) {
    for (const [q, columnTaps] of across.entries()) {
      lines.push(`var s${r}_${q} = vec4f();`);
      for (const { k: ky, step: a } of rowTaps) {
        for (const { k: kx, step: b } of columnTaps) {
          for (const j of wholes(per)) {
            const tap = ky * filterWidth + kx;
            const value = swizzle(`g${label(a)}_${label(b)}`, (channel) => channel - channel % per + j);
            const parts = wholes(4).map((channel) => `w${tap}_${channel % per}.${"xyzw"[channel - channel % per + j]}`);
            lines.push(`s${r}_${q} += ${value} * ${per === 1 ? `w${tap}_0` : `vec4f(${parts.join(", ")})`};`);
          }
        }
      }
      const limits = [
        ...(r > 0 && height % stride !== 0 ? [`y + ${r}u < ${height}u`] : []),
        ...(q > 0 && width % columns !== 0 ? [`x + ${q}u < ${width}u`] : []),
      ];
      const store = `output[to + ${(r * width + q) * wide}u] = s${r}_${q};`;
      lines.push(limits.length === 0 ? store : `if (${limits.join(" && ")}) { ${store} }`);
    }
  }
  return {
    name: `grouped conv2d input gradient ${name}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "gradient", "vec4f", batch * outHeight * outWidth * wide)}
${storage(1, "filter_", "vec4f", filterHeight * filterWidth * per * wide)}
${storage(2, "output", "vec4f", batch * height * width * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${wide}u;
  let columnBlock = lane / ${wide}u % ${columnBlocks}u;
  let rowBlock = lane / ${wide * columnBlocks}u % ${rowBlocks}u;
  let image = lane / ${wide * columnBlocks * rowBlocks}u;
  let x = columnBlock * ${columns}u;
  let y = rowBlock * ${stride}u;
  let left = i32(columnBlock * ${steps}u);
  let top = i32(rowBlock);
  ${lines.join("\n  ")}
}`,
  };
});

/**
 * Gradient of the filter in partial sums over some output rows; a lane has a row of taps. Bindings: input, gradient,
 * parts [parts, FH, FW, C/groups, O]. See {@linkcode vectorsFilterParts} for the number of parts.
 */
export const vectorsConv2dFilterGradientKernel = remembered(function (conv: GroupedConv): KernelSpec {
  const { height, width, outHeight, outWidth, filterHeight, filterWidth, per, wide, name } = shapeOf(conv);
  const { batch, stride, pad } = conv;
  const rows = batch * outHeight;
  const parts = vectorsFilterParts(conv);
  const rowsPerPart = Math.ceil(rows / parts);
  const columns = columnsOf(outWidth, Math.floor(MOST_UNROLLED / (filterWidth * per)));
  const blocks = Math.ceil(outWidth / columns);
  const exact = outWidth % columns === 0;
  const lanes = parts * filterHeight * wide;
  const { size, workgroups } = spread(lanes, 64);
  const inputColumns = distinct(wholes(columns).flatMap((p) => wholes(filterWidth).map((kx) => p * stride + kx)));
  const lines = paddedColumns({ width, wide }, inputColumns);
  for (const p of wholes(columns)) {
    const at = `block * ${columns}u + ${p}u`;
    const value = (place: string) => `gradient[(gradientRow + ${place}) * ${wide}u + c]`;
    lines.push(
      exact
        ? `let g${p} = ${value(at)};`
        : `let g${p} = select(vec4f(), ${value(`min(${at}, ${outWidth - 1}u)`)}, ${at} < ${outWidth}u);`,
    );
  }
  for (const j of inputColumns) {
    lines.push(`let d${j} = select(vec4f(), input[inputRow + px${j}], okRow && okx${j});`);
  }
  const sums = wholes(filterWidth).flatMap((kx) => wholes(per).map((i) => ({ kx, i, sum: `t${kx}_${i}` })));
  for (const { kx, i, sum } of sums) {
    const terms = wholes(columns).map((p) =>
      `${swizzle(`d${p * stride + kx}`, (channel) => channel - channel % per + i)} * g${p}`
    );
    lines.push(`${sum} += ${terms.join(" + ")};`);
  }
  return {
    name: `grouped conv2d filter gradient ${name}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "input", "vec4f", batch * height * width * wide)}
${storage(1, "gradient", "vec4f", batch * outHeight * outWidth * wide)}
${storage(2, "parts", "vec4f", parts * filterHeight * filterWidth * per * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let c = lane % ${wide}u;
  let ky = lane / ${wide}u % ${filterHeight}u;
  let part = lane / ${wide * filterHeight}u;
  let first = part * ${rowsPerPart}u;
  let last = min(first + ${rowsPerPart}u, ${rows}u);
  ${sums.map(({ sum }) => `var ${sum} = vec4f();`).join("\n  ")}
  for (var row = first; row < last; row++) {
    let iy = i32(row % ${outHeight}u * ${stride}u + ky) - ${pad};
    let okRow = iy >= 0 && iy < ${height};
    let inputRow = (row / ${outHeight}u * ${height}u + u32(clamp(iy, 0, ${height - 1}))) * ${width * wide}u;
    let gradientRow = row * ${outWidth}u;
    for (var block = 0u; block < ${blocks}u; block++) {
      let left = i32(block * ${columns * stride}u) - ${pad};
      ${lines.join("\n      ")}
    }
  }
  let to = (part * ${filterHeight}u + ky) * ${filterWidth * per * wide}u + c;
  ${sums.map(({ kx, i, sum }) => `parts[to + ${(kx * per + i) * wide}u] = ${sum};`).join("\n  ")}
}`,
  };
});

/** Into how many parts the output rows are divided for the filter's gradient. */
export function vectorsFilterParts(conv: GroupedConv): number {
  const { outHeight, outWidth, filterHeight, wide } = shapeOf(conv);
  const rows = conv.batch * outHeight;
  const wanted = Math.max(Math.ceil(rows * outWidth / PRODUCTS_PER_SUM), Math.ceil(BUSY / (filterHeight * wide)));
  // Rows divide into this many parts, none of them empty.
  return Math.ceil(rows / Math.ceil(rows / Math.min(rows, wanted)));
}
