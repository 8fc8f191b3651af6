import type { AdapterFacts } from "./adapter.ts";
import { type ConvLayer, type ConvPassName, products } from "./conv_layer.ts";
import type { DirectSize } from "./kernels/conv_tiles.ts";
import type { ProductTile } from "./kernels/matrix_product.ts";
import type { RegisterTile } from "./kernels/register_product.ts";
import { threadsOf, workgroupBytes, type WorkgroupTile } from "./kernels/tiled_product.ts";
import type { WinogradSize } from "./kernels/winograd.ts";

/** A way to compute one pass of a layer. All of them give the same numbers but for rounding. */
export type ConvChoice =
  | ({ readonly method: "direct" } & DirectSize)
  | { readonly method: "tiled"; readonly tile: WorkgroupTile; readonly splits: number }
  | { readonly method: "winograd"; readonly size: WinogradSize; readonly tile: ProductTile };

/**
 * The two shapes that kernels come in: sums of one lane in registers, without barriers, as the software adapter wants it; or tiles in
 * workgroup memory that many threads share, as GPUs do.
 */
export type KernelFamily = ProductTile["family"];

/** What decides which choices there are. */
export interface ChoiceAdapter {
  readonly family: KernelFamily;
  readonly limits: AdapterFacts["limits"];
}

const registers = (rows: number, vectors: number): RegisterTile => ({ family: "registers", rows, vectors });
const workgroup = (m: number, n: number, k: number, threadM: number, threadN: number): WorkgroupTile => ({
  family: "workgroup",
  m,
  n,
  k,
  threadM,
  threadN,
});

/** Register tiles of products, from the largest. They take 1100, 550, 280 and 120 ms to compile, and differ little in speed. */
const REGISTER_TILES = [registers(16, 4), registers(8, 4), registers(4, 4), registers(4, 1)];

/** Multiplications of a product from which 4x4 is worth its compilation, on a software adapter. */
const LARGE_PRODUCT = 2 ** 25;

/** The same of a direct pass's larger tile, and of Winograd's method. */
const LARGE_DIRECT = 2 ** 27;

/** Workgroup tiles of products, the default first: those that came first for some layer on an H100, and two for smaller GPUs. */
const WORKGROUP_TILES = [
  workgroup(64, 64, 16, 8, 4),
  workgroup(64, 128, 16, 8, 8),
  workgroup(128, 64, 16, 8, 8),
  workgroup(128, 128, 16, 8, 8),
  workgroup(32, 64, 16, 4, 4),
  workgroup(32, 32, 16, 4, 4),
];

/** Direct sizes, from the one that compiles fastest: 300, 600, 1000 and 2000 ms. */
const DIRECT_SIZES: DirectSize[] = [
  { positions: 8, vectors: 1 },
  { positions: 8, vectors: 2 },
  { positions: 16, vectors: 2 },
  { positions: 28, vectors: 2 },
];
const DIRECT_FILTER_SIZES: DirectSize[] = [
  { positions: 12, vectors: 1 },
  { positions: 24, vectors: 2 },
  { positions: 48, vectors: 2 },
];

/** Workgroups that keep a large GPU busy: four for each of some hundred processors. */
const BUSY = 512;

/** A choice in a few words: for tables, and as its name in the tuner's cache. */
export function choiceName(choice: ConvChoice): string {
  if (choice.method === "direct") return `direct ${choice.positions}x${choice.vectors}`;
  const { tile } = choice;
  const words = tile.family === "registers"
    ? `registers ${tile.rows}x${tile.vectors}`
    : `workgroup ${tile.m}x${tile.n}x${tile.k} by ${tile.threadM}x${tile.threadN}`;
  return choice.method === "tiled" ? `tiled ${words} in ${choice.splits}` : `winograd ${choice.size} ${words}`;
}

/** The method of a choice without its tile. */
export function methodName(choice: ConvChoice): string {
  return choice.method === "winograd" ? `winograd ${choice.size}` : choice.method;
}

/** Workgroup tiles that an adapter can hold. */
export function workgroupTiles({ limits }: ChoiceAdapter): WorkgroupTile[] {
  return WORKGROUP_TILES.filter((tile) =>
    threadsOf(tile) <= Math.min(limits.maxComputeInvocationsPerWorkgroup, limits.maxComputeWorkgroupSizeX) &&
    workgroupBytes(tile) <= limits.maxComputeWorkgroupStorageSize
  );
}

/** Tiles of a product of matrices of `work` multiplications in the adapter's family, the one to take untried first. */
export function productTiles(adapter: ChoiceAdapter, work: number): ProductTile[] {
  if (adapter.family === "workgroup") return workgroupTiles(adapter);
  return startingWith(REGISTER_TILES, work < LARGE_PRODUCT ? 3 : 2);
}

/** The list with its entry `i` moved to the front. */
function startingWith<T>(list: readonly T[], i: number): T[] {
  return [list[i], ...list.filter((_, j) => j !== i)];
}

/**
 * The ways to compute a pass on an adapter, the one to take untried first. `winograd` says whether the method is for this layer on
 * this device.
 */
export function convChoices(
  adapter: ChoiceAdapter,
  layer: ConvLayer,
  pass: ConvPassName,
  winograd: (size: WinogradSize) => boolean,
): ConvChoice[] {
  const work = products(layer);
  const software = adapter.family === "registers";
  const minimal = ([4, 2] as const).filter(winograd).flatMap((size) =>
    productTiles(adapter, work).map((tile): ConvChoice => ({ method: "winograd", size, tile }))
  );
  const direct = pass === "filter" ? DIRECT_FILTER_SIZES : DIRECT_SIZES;
  const plain = software
    ? startingWith(direct, work < LARGE_DIRECT ? 0 : 1).map((size): ConvChoice => ({ method: "direct", ...size }))
    : workgroupTiles(adapter).map((tile): ConvChoice => ({
      method: "tiled",
      tile,
      splits: splitsOf(layer, pass, tile),
    }));
  // Few channels do not pay for the transforms; on a software adapter a small layer does not pay for compiling them.
  const pays = Math.min(layer.input[2], layer.output[2]) >= 32 && (!software || work >= LARGE_DIRECT);
  return pays ? [...minimal, ...plain] : [...plain, ...minimal];
}

/** Parts of a tiled pass's sum: enough workgroups for a GPU, each with sixteen tiles of k at least. */
function splitsOf(layer: ConvLayer, pass: ConvPassName, tile: WorkgroupTile): number {
  const { batch, input, output, filter, stride } = layer;
  const taps = filter[0] * filter[1];
  const [m, k, n, batches] = pass === "forward"
    ? [batch * output[0] * output[1], taps * input[2], output[2], 1]
    : pass === "input"
    ? [batch * input[0] * input[1], taps * output[2], input[2], 1]
    : [input[2], batch * output[0] * output[1], output[2], taps];
  // The input's gradient of a strided layer is computed in several passes into one tensor.
  if (pass === "input" && stride > 1) return 1;
  const groups = Math.ceil(m / tile.m) * Math.ceil(n / tile.n) * batches;
  return Math.max(1, Math.min(Math.ceil(BUSY / groups), Math.floor(k / tile.k / 16), 64));
}
