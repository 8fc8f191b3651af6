import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { type MatrixProduct, stepsPerSplit } from "./matrix_product.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/** A lane's sums, in registers, without barriers: the software adapter's family. */
export interface RegisterTile {
  /** This family. */
  readonly family: "registers";
  /** Rows of the product; a multiple of four where A is transposed. */
  readonly rows: number;
  /** Vectors of four columns. */
  readonly vectors: number;
}

/**
 * A product of matrices where each lane keeps `rows` x `vectors` sums and goes over k four steps at a time.
 *
 * On the software adapter a vector load costs as much as a dozen vector multiply-adds, so the tile is as large as compiling it
 * allows; and a sum's four products are added together before the sum itself is touched, which is mostly in memory.
 */
export const registerProductKernel = remembered(function (product: MatrixProduct, tile: RegisterTile): KernelSpec {
  const { batch, m, k, n, transposed, splits } = product;
  const { rows, vectors } = tile;
  const wide = n / 4;
  const rowTiles = Math.ceil(m / rows);
  const groups = Math.ceil(wide / vectors);
  const steps = stepsPerSplit(product);
  const lanes = groups * rowTiles * batch * splits;
  const exactRows = m % rows === 0;
  const exactVectors = wide % vectors === 0;
  const exactSteps = k % 4 === 0 && (k / 4) % splits === 0;

  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  const atMost = (value: string, most: number, exact: boolean) => exact ? value : `min(${value}, ${most}u)`;
  for (let r = 0; r < rows; r++) {
    for (let v = 0; v < vectors; v++) say(`var s${r}_${v} = vec4f();`);
  }
  for (let v = 0; v < vectors; v++) {
    say(`let n${v} = ${atMost(`group * ${vectors}u + ${v}u`, wide - 1, exactVectors)};`);
  }
  if (transposed) {
    for (let q = 0; q < rows / 4; q++) {
      say(`let m${q} = ${atMost(`rowTile * ${rows / 4}u + ${q}u`, m / 4 - 1, exactRows)};`);
    }
  } else {
    for (let r = 0; r < rows; r++) {
      say(`let m${r} = (layer + ${batch}u * ${atMost(`(rowTile * ${rows}u + ${r}u)`, m - 1, exactRows)}) * ${k / 4}u;`);
    }
  }
  say(`let first = split * ${steps}u;`);
  say(`let last = min(first + ${steps}u, ${Math.ceil(k / 4)}u);`);
  say(`for (var step = first; step < last; step++) {`);
  for (let i = 0; i < 4; i++) {
    // The last step may reach past k: it adds nothing there.
    say(`let k${i} = ${atMost(`step * 4u + ${i}u`, k - 1, exactSteps || k % 4 === 0)};`);
    for (let v = 0; v < vectors; v++) say(`let b${i}_${v} = b[(k${i} * ${batch}u + layer) * ${wide}u + n${v}];`);
    if (!transposed) continue;
    for (let q = 0; q < rows / 4; q++) {
      const value = `a[(k${i} * ${batch}u + layer) * ${m / 4}u + m${q}]`;
      say(`let a${i}_${q} = ${k % 4 === 0 ? value : `select(vec4f(), ${value}, step * 4u + ${i}u < ${k}u)`};`);
    }
  }
  if (!transposed) { for (let r = 0; r < rows; r++) say(`let a${r} = a[m${r} + step];`); }
  for (let v = 0; v < vectors; v++) {
    for (let r = 0; r < rows; r++) {
      const factor = (i: number) => transposed ? `a${i}_${r >> 2}.${"xyzw"[r % 4]}` : `a${r}.${"xyzw"[i]}`;
      say(`s${r}_${v} += ${[0, 1, 2, 3].map((i) => `${factor(i)} * b${i}_${v}`).join(" + ")};`);
    }
  }
  say("}");
  for (let r = 0; r < rows; r++) {
    if (!exactRows) say(`if (rowTile * ${rows}u + ${r}u < ${m}u) {`);
    say(`let to${r} = ((split * ${m}u + rowTile * ${rows}u + ${r}u) * ${batch}u + layer) * ${wide}u;`);
    for (let v = 0; v < vectors; v++) {
      const store = `parts[to${r} + n${v}] = s${r}_${v};`;
      say(exactVectors ? store : `if (group * ${vectors}u + ${v}u < ${wide}u) { ${store} }`);
    }
    if (!exactRows) say("}");
  }

  const { size, workgroups } = spread(lanes);
  return {
    name: `product ${batch}x${m}x${k}x${n}${transposed ? " transposed" : ""}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "a", "vec4f", batch * m * k / 4)}
${storage(1, "b", "vec4f", batch * k * wide)}
${storage(2, "parts", "vec4f", splits * batch * m * wide, "write")}
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let lane = ${flatIndex(workgroups, size)};
  if (lane >= ${lanes}u) { return; }
  let group = lane % ${groups}u;
  let rowTile = lane / ${groups}u % ${rowTiles}u;
  let layer = lane / ${groups * rowTiles}u % ${batch}u;
  let split = lane / ${groups * rowTiles * batch}u;
  ${lines.join("\n  ")}
}`,
  };
});
