import type { KernelSpec } from "../kernel_spec.ts";
import { paddedBlock } from "./padded_reads.ts";
import { remembered } from "./remembered.ts";
import { normBinding, type NormOnLoad, normOnLoad } from "./norm_on_load.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";
import { bothSides, transpose, winograd, type WinogradSize } from "./winograd.ts";

/** A 3x3 convolution of stride 1 cut into tiles. Channels are multiples of four. */
export interface WinogradPass {
  readonly batch: number;
  /** Height, width, channels. */
  readonly input: readonly [number, number, number];
  /** Height, width, channels. */
  readonly output: readonly [number, number, number];
  readonly pad: number;
  /** Outputs a side of a tile. */
  readonly size: WinogradSize;
}

/** Tiles in rows and columns of an image, and of all images: rounded up to a multiple of four, the rest being zeros. */
export function winogradTiles({ batch, output, size }: WinogradPass): { rows: number; columns: number; count: number } {
  const rows = Math.ceil(output[0] / size);
  const columns = Math.ceil(output[1] / size);
  return { rows, columns, count: Math.ceil(batch * rows * columns / 4) * 4 };
}

/** A lane for every tile and vector of channels. */
function tileLanes(pass: WinogradPass, channels: number) {
  const { rows, columns, count } = winogradTiles(pass);
  const wide = channels / 4;
  const { size, workgroups } = spread(count * wide, 64);
  return {
    wide,
    count,
    workgroups,
    prologue: `
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${count * wide}u) { return; }
  let c = lane % ${wide}u;
  let tile = lane / ${wide}u;
  let image = min(tile / ${rows * columns}u, ${pass.batch - 1}u);
  let tileRow = tile / ${columns}u % ${rows}u;
  let tileColumn = tile % ${columns}u;
  let real = tile < ${pass.batch * rows * columns}u;`,
  };
}

/** Statements that read a `side` x `side` block as d0_0 …, from (`top`, `left`) on, zeros outside of the image. */
function block(
  [height, width, channels]: readonly number[],
  side: number,
  value?: (loaded: string) => string,
): string[] {
  const places = Array.from({ length: side }, (_, i) => i);
  const map = { buffer: "input", height, width, wide: channels / 4 };
  return paddedBlock(map, "d", [places, places], { inside: "real", value });
}

/** Stores every entry of a table of `side` x `side`, `step` vectors from one to the next. */
function storeTable(side: number, step: number, at: string): string[] {
  return Array.from(
    { length: side * side },
    (_, p) => `output[${at} + ${p * step}u] = r${Math.floor(p / side)}_${p % side};`,
  );
}

/**
 * B^T d B of every tile of the input, normalised while it is read where asked.
 * Bindings: input [N, H, W, C], [norm], output [tiles, planes, C].
 */
export const winogradInputKernel = remembered(function (pass: WinogradPass, norm?: NormOnLoad): KernelSpec {
  const { bt, inputs } = winograd(pass.size);
  const [height, width, channels] = pass.input;
  const { wide, count, workgroups, prologue } = tileLanes(pass, channels);
  const at = norm ? 2 : 1;
  return {
    name: `winograd ${pass.size} input ${height}x${width}x${channels}`,
    bindings: [...new Array(at).fill("read"), "write"],
    workgroups,
    wgsl: `
${storage(0, "input", "vec4f", pass.batch * height * width * wide)}
${norm ? normBinding(1, norm, channels) : ""}
${storage(at, "output", "vec4f", inputs * inputs * count * wide, "write")}
${prologue}
  ${norm ? normOnLoad.setup(norm, "c", wide) : ""}
  let top = i32(tileRow * ${pass.size}u) - ${pass.pad};
  let left = i32(tileColumn * ${pass.size}u) - ${pass.pad};
  ${block(pass.input, inputs, norm && ((loaded) => normOnLoad.apply(norm, loaded))).join("\n  ")}
  ${bothSides(bt, (i, j) => `d${i}_${j}`, "r").join("\n  ")}
  ${storeTable(inputs, wide, `tile * ${inputs * inputs * wide}u + c`).join("\n  ")}
}`,
  };
});

/**
 * A dy A^T of every tile of the output's gradient, for the filter's.
 * Bindings: gradient [N, OH, OW, O], output [tiles, planes, O].
 */
export const winogradGradientKernel = remembered(function (pass: WinogradPass): KernelSpec {
  const { at, inputs } = winograd(pass.size);
  const [height, width, channels] = pass.output;
  const { wide, count, workgroups, prologue } = tileLanes(pass, channels);
  return {
    name: `winograd ${pass.size} gradient ${height}x${width}x${channels}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "input", "vec4f", pass.batch * height * width * wide)}
${storage(1, "output", "vec4f", inputs * inputs * count * wide, "write")}
${prologue}
  let top = i32(tileRow * ${pass.size}u);
  let left = i32(tileColumn * ${pass.size}u);
  ${block(pass.output, pass.size).join("\n  ")}
  ${bothSides(transpose(at), (i, j) => `d${i}_${j}`, "r").join("\n  ")}
  ${storeTable(inputs, wide, `tile * ${inputs * inputs * wide}u + c`).join("\n  ")}
}`,
  };
});

/**
 * A^T m A of every tile: the convolution's output.
 * Bindings: products [tiles, planes, O], output [N, OH, OW, O].
 */
export const winogradOutputKernel = remembered(function (pass: WinogradPass): KernelSpec {
  const { at, inputs } = winograd(pass.size);
  const [height, width, channels] = pass.output;
  const { wide, count, workgroups, prologue } = tileLanes(pass, channels);
  const loads: string[] = [];
  for (let p = 0; p < inputs * inputs; p++) {
    loads.push(
      `let d${Math.floor(p / inputs)}_${p % inputs} = products[tile * ${inputs * inputs * wide}u + c + ${p * wide}u];`,
    );
  }
  const stores: string[] = [];
  for (let i = 0; i < pass.size; i++) {
    if (i > 0 && height % pass.size !== 0) stores.push(`if (y0 + ${i}u < ${height}u) {`);
    for (let j = 0; j < pass.size; j++) {
      const store = `output[to + ${(i * width + j) * wide}u] = r${i}_${j};`;
      stores.push(j > 0 && width % pass.size !== 0 ? `if (x0 + ${j}u < ${width}u) { ${store} }` : store);
    }
    if (i > 0 && height % pass.size !== 0) stores.push("}");
  }
  return {
    name: `winograd ${pass.size} output ${height}x${width}x${channels}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "products", "vec4f", inputs * inputs * count * wide)}
${storage(1, "output", "vec4f", pass.batch * height * width * wide, "write")}
${prologue}
  if (!real) { return; }
  let y0 = tileRow * ${pass.size}u;
  let x0 = tileColumn * ${pass.size}u;
  ${loads.join("\n  ")}
  ${bothSides(at, (i, j) => `d${i}_${j}`, "r").join("\n  ")}
  let to = ((image * ${height}u + y0) * ${width}u + x0) * ${wide}u + c;
  ${stores.join("\n  ")}
}`,
  };
});

/**
 * G g G^T of every pair of channels. `flipped` turns the taps round, as the input's gradient needs.
 * Bindings: filter [3, 3, C, O], output [C, planes, O].
 */
export const winogradFilterKernel = remembered(function (
  channels: number,
  outputs: number,
  size: WinogradSize,
  flipped: boolean,
): KernelSpec {
  const { g, inputs } = winograd(size);
  const wide = outputs / 4;
  const vectors = channels * wide;
  const { size: group, workgroups } = spread(vectors, 64);
  const loads = Array.from({ length: 9 }, (_, tap) => {
    const from = flipped ? 8 - tap : tap;
    return `let d${Math.floor(tap / 3)}_${tap % 3} = filter_[${from * vectors}u + lane];`;
  });
  return {
    name: `winograd ${size} filter ${channels}->${outputs}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "filter_", "vec4f", 9 * vectors)}
${storage(1, "output", "vec4f", inputs * inputs * vectors, "write")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, group)};
  if (lane >= ${vectors}u) { return; }
  ${loads.join("\n  ")}
  ${bothSides(g, (i, j) => `d${i}_${j}`, "r").join("\n  ")}
  ${storeTable(inputs, wide, `lane / ${wide}u * ${inputs * inputs * wide}u + lane % ${wide}u`).join("\n  ")}
}`,
  };
});

/**
 * G^T m G of every pair of channels: the filter's gradient, out of the sum of `parts` tables of products.
 * Bindings: products [parts, C, planes, O], output [3, 3, C, O].
 */
export const winogradFilterGradientKernel = remembered(function (
  channels: number,
  outputs: number,
  size: WinogradSize,
  parts: number,
): KernelSpec {
  const { g, inputs } = winograd(size);
  const wide = outputs / 4;
  const vectors = channels * wide;
  const planes = inputs * inputs;
  const { size: group, workgroups } = spread(vectors, 64);
  const entry = (p: number) => `d${Math.floor(p / inputs)}_${p % inputs}`;
  const all = Array.from({ length: planes }, (_, p) => p);
  const sums = parts === 1 ? all.map((p) => `let ${entry(p)} = products[entries + ${p * wide}u];`) : [
    ...all.map((p) => `var ${entry(p)} = vec4f();`),
    `for (var part = 0u; part < ${parts}u; part++) { let start = part * ${planes * vectors}u + entries;`,
    ...all.map((p) => `${entry(p)} += products[start + ${p * wide}u];`),
    "}",
  ];
  return {
    name: `winograd ${size} filter gradient ${channels}->${outputs}`,
    bindings: ["read", "write"],
    workgroups,
    wgsl: `
${storage(0, "products", "vec4f", parts * planes * vectors)}
${storage(1, "output", "vec4f", 9 * vectors, "write")}
@compute @workgroup_size(${group})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, group)};
  if (lane >= ${vectors}u) { return; }
  let entries = lane / ${wide}u * ${planes * wide}u + lane % ${wide}u;
  ${sums.join("\n  ")}
  ${bothSides(transpose(g), (i, j) => `d${i}_${j}`, "r").join("\n  ")}
  ${storeTable(3, vectors, "lane").join("\n  ")}
}`,
  };
});
