import type { KernelSpec } from "../kernel_spec.ts";
import type { MatrixProduct } from "./matrix_product.ts";

/** Tiles of both factors in workgroup memory, a block of sums in each thread's registers: the family of real GPUs. */
export interface WorkgroupTile {
  /** This family. */
  readonly family: "workgroup";
  /** Rows of the product that a workgroup computes; like all of these a multiple of four. */
  readonly m: number;
  /** Columns of it. */
  readonly n: number;
  /** Steps of k that it holds at once. */
  readonly k: number;
  /** Rows of them that a thread computes. */
  readonly threadM: number;
  /** Columns. */
  readonly threadN: number;
}

/**
 * A product whose factors are read by expressions: of a plain matrix, or of a tensor that is seen as one (implicit GEMM).
 * Within them `layer` is the batch's index and `split` the split's.
 */
export interface TiledProduct extends MatrixProduct {
  readonly name: string;
  /** Tiles are kept in half precision. Needs the feature shader-f16. @default false */
  readonly half?: boolean;
  /** Declarations of the buffers read. */
  readonly inputs: readonly string[];
  /** Functions that the expressions call. */
  readonly functions?: string;
  /** Statements that a row of A needs once, before the loop; what they define ends in `name`. Not called for a transposed A. */
  readonly rowOfA: (name: string, row: string) => string;
  /** A's vector of four: at (row, vector of k), or transposed (k, vector of m). Indices are inside the matrix. */
  readonly loadA: (name: string, at: string, vector: string) => string;
  /** B's vector at (k, vector of n). */
  readonly loadB: (at: string, vector: string) => string;
  /** Declaration of the buffer written. */
  readonly output: string;
  /** Stores a vector of the product at (row, vector of n). */
  readonly store: (row: string, vector: string, value: string) => string;
}

/** Threads of a workgroup. */
export const threadsOf = (tile: WorkgroupTile): number => tile.m / tile.threadM * (tile.n / tile.threadN);

/** Bytes of workgroup memory that a tile takes. */
export const workgroupBytes = (tile: WorkgroupTile): number => 4 * tile.k * (tile.m + tile.n);

/**
 * The product by tiles: while a workgroup multiplies one pair of tiles out of its memory, its threads already load the next pair into
 * registers. Workgroups: x over rows, y over columns, z over splits and batch.
 */
export function tiledProductKernel(product: TiledProduct, tile: WorkgroupTile): KernelSpec {
  const { batch, m, k, n, transposed, splits, half = false } = product;
  const kept = (value: string) => half ? `vec4h(${value})` : value;
  const threads = threadsOf(tile);
  const wide = n / 4;
  const across = tile.n / tile.threadN;
  const columns = tile.threadN / 4;
  const perSplit = Math.ceil(Math.ceil(k / splits) / tile.k) * tile.k;
  const exactK = k % perSplit === 0;

  // Vectors of the two tiles, and how many of them each thread brings in.
  const aWide = transposed ? tile.m / 4 : tile.k / 4;
  const aCount = (transposed ? tile.k : tile.m) * aWide;
  const bWide = tile.n / 4;
  const bCount = tile.k * bWide;
  const aEach = Math.ceil(aCount / threads);
  const bEach = Math.ceil(bCount / threads);

  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  const atMost = (value: string, most: number, exact: boolean) => exact ? value : `min(${value}, ${most}u)`;
  say(`let across = local % ${across}u;`);
  say(`let down = local / ${across}u;`);
  say(`let row0 = wg.x * ${tile.m}u;`);
  say(`let column0 = wg.y * ${bWide}u;`);
  say(`let layer = wg.z % ${batch}u;`);
  say(`let split = wg.z / ${batch}u;`);
  say(`let first = split * ${perSplit}u;`);
  say(`let last = min(first + ${perSplit}u, ${k}u);`);
  for (let i = 0; i < tile.threadM; i++) for (let j = 0; j < columns; j++) say(`var s${i}_${j} = vec4f();`);
  for (let t = 0; t < aEach; t++) {
    say(`let qa${t} = local + ${t * threads}u;`);
    if (transposed) {
      say(`let va${t} = ${atMost(`row0 / 4u + qa${t} % ${aWide}u`, m / 4 - 1, m % tile.m === 0)};`);
    } else {
      say(`let ra${t} = ${atMost(`row0 + qa${t} / ${aWide}u`, m - 1, m % tile.m === 0)};`);
      say(product.rowOfA(`${t}`, `ra${t}`));
    }
    say(`var a${t} = vec4f();`);
  }
  for (let t = 0; t < bEach; t++) {
    say(`let qb${t} = local + ${t * threads}u;`);
    say(`let vb${t} = ${atMost(`column0 + qb${t} % ${bWide}u`, wide - 1, wide % bWide === 0)};`);
    say(`var b${t} = vec4f();`);
  }
  const load = (k0: string) => {
    for (let t = 0; t < aEach; t++) {
      const at = transposed ? `${k0} + qa${t} / ${aWide}u` : `${k0} + qa${t} % ${aWide}u * 4u`;
      say(`{ let at = ${at};`);
      const inside = atMost("at", transposed ? k - 1 : k - 4, exactK);
      const value = transposed
        ? product.loadA(`${t}`, inside, `va${t}`)
        : product.loadA(`${t}`, `ra${t}`, `${exactK ? "at" : `(${inside})`} / 4u`);
      say(`a${t} = ${exactK ? value : `select(vec4f(), ${value}, at < last)`}; }`);
    }
    for (let t = 0; t < bEach; t++) {
      // Past the end A is zero, so that B only has to be finite.
      say(`{ let at = ${atMost(`${k0} + qb${t} / ${bWide}u`, k - 1, exactK)};`);
      say(`b${t} = ${product.loadB("at", `vb${t}`)}; }`);
    }
  };
  const keep = () => {
    for (let t = 0; t < aEach; t++) {
      const store = `tileA[qa${t}] = ${kept(`a${t}`)};`;
      say(aCount % threads === 0 ? store : `if (qa${t} < ${aCount}u) { ${store} }`);
    }
    for (let t = 0; t < bEach; t++) {
      const store = `tileB[qb${t}] = ${kept(`b${t}`)};`;
      say(bCount % threads === 0 ? store : `if (qb${t} < ${bCount}u) { ${store} }`);
    }
  };
  load("first");
  say(`for (var k0 = first; k0 < last; k0 += ${tile.k}u) {`);
  keep();
  say("workgroupBarrier();");
  say(`if (k0 + ${tile.k}u < last) {`);
  say(`let next = k0 + ${tile.k}u;`);
  load("next");
  say("}");
  for (let q = 0; q < tile.k; q += 4) multiply(say, q, tile, transposed, half);
  say("workgroupBarrier();");
  say("}");
  for (let i = 0; i < tile.threadM; i++) {
    const row = transposed
      ? `(down + ${(i >> 2) * (tile.m / tile.threadM)}u) * 4u + ${i % 4}u`
      : `down * ${tile.threadM}u + ${i}u`;
    say(`{ let row = row0 + ${row};`);
    say(m % tile.m === 0 ? "{" : `if (row < ${m}u) {`);
    for (let j = 0; j < columns; j++) {
      const store = product.store("row", `column0 + across + ${j * across}u`, `s${i}_${j}`);
      say(wide % bWide === 0 ? store : `if (column0 + across + ${j * across}u < ${wide}u) { ${store} }`);
    }
    say("}}");
  }
  return {
    name: product.name,
    bindings: [...product.inputs.map(() => "read" as const), "write"],
    workgroups: [Math.ceil(m / tile.m), Math.ceil(n / tile.n), batch * splits],
    wgsl: `${half ? "enable f16;" : ""}
${product.inputs.join("\n")}
${product.output}
${product.functions ?? ""}
var<workgroup> tileA: array<${half ? "vec4h" : "vec4f"}, ${aCount}>;
var<workgroup> tileB: array<${half ? "vec4h" : "vec4f"}, ${bCount}>;
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  ${lines.join("\n  ")}
}`,
  };
}

/** Four steps of k out of workgroup memory. */
function multiply(
  say: (line: string) => void,
  q: number,
  tile: WorkgroupTile,
  transposed: boolean,
  half: boolean,
): void {
  const wide = (value: string) => half ? `vec4f(${value})` : value;
  const across = tile.n / tile.threadN;
  const columns = tile.threadN / 4;
  const aWide = transposed ? tile.m / 4 : tile.k / 4;
  say("{");
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < columns; j++) {
      say(`let y${i}_${j} = ${wide(`tileB[${(q + i) * (tile.n / 4) + j * across}u + across]`)};`);
    }
  }
  if (transposed) {
    const rows = tile.m / tile.threadM;
    for (let i = 0; i < 4; i++) {
      for (let r = 0; r < tile.threadM / 4; r++) {
        say(`let x${i}_${r} = ${wide(`tileA[${(q + i) * aWide + r * rows}u + down]`)};`);
      }
    }
  } else {
    for (let r = 0; r < tile.threadM; r++) {
      say(`let x${r} = ${wide(`tileA[(down * ${tile.threadM}u + ${r}u) * ${aWide}u + ${q / 4}u]`)};`);
    }
  }
  for (let i = 0; i < 4; i++) {
    for (let r = 0; r < tile.threadM; r++) {
      const factor = transposed ? `x${i}_${r >> 2}.${"xyzw"[r % 4]}` : `x${r}.${"xyzw"[i]}`;
      for (let j = 0; j < columns; j++) say(`s${r}_${j} = fma(vec4f(${factor}), y${i}_${j}, s${r}_${j});`);
    }
  }
  say("}");
}
