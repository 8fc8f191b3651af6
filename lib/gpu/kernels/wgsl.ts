/** Pieces of WGSL that every kernel family writes. */

/** Most workgroups in one dimension that every WebGPU device allows. */
const MAX_WORKGROUPS = 65535;

/** Declares a storage buffer; with `length` the array is sized, which spares the bounds of a runtime-sized one. */
export function storage(
  binding: number,
  name: string,
  type: string,
  length?: number,
  use: "read" | "write" = "read",
): string {
  const access = use === "read" ? "read" : "read_write";
  const array = length === undefined ? `array<${type}>` : `array<${type}, ${length}>`;
  return `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: ${array};`;
}

/** Workgroups for `lanes` lanes of which each does a lot: folded over y where x alone does not reach. */
export function spread(lanes: number, size = 8): { size: number; workgroups: [number, number, number] } {
  const count = Math.max(1, Math.ceil(lanes / size));
  const x = Math.min(count, MAX_WORKGROUPS);
  return { size, workgroups: [x, Math.ceil(count / x), 1] };
}

/** A lane for every element of several tensors, one tensor after the other. Sizes are multiples of four, all or none. */
export function spreadOver(
  kernel: string,
  sizes: readonly number[],
): { type: "vec4f" | "f32"; size: number; workgroups: [number, number, number] } {
  const { type } = vectorOf(sizes[0]);
  if (sizes.some((size) => vectorOf(size).type !== type)) throw new Error(`${kernel}: sizes ${sizes} are of two kinds`);
  return { type, ...spread(sizes.reduce((sum, size) => sum + vectorOf(size).count, 0), 64) };
}

/**
 * What a lane of {@linkcode spreadOver} does: finds its tensor, counting `i` down to the element in it. Sizes are not constants here: tensors
 * of all sizes share one pipeline.
 */
export function inTensors(names: readonly string[], body: (k: number) => string): string {
  return names.map((name, k) => `
  if (i < arrayLength(&${name})) {${body(k)}
    return;
  }
  i -= arrayLength(&${name});`).join("\n");
}

/** The workgroup's number over the whole dispatch, from `wg`. */
export function groupIndex(workgroups: readonly [number, number, number]): string {
  return workgroups[1] > 1 ? `(wg.y * ${workgroups[0]}u + wg.x)` : "wg.x";
}

/** The lane's number over the whole dispatch, from `wg` and `local`. */
export function flatIndex(workgroups: readonly [number, number, number], size: number): string {
  return `${groupIndex(workgroups)} * ${size}u + local`;
}

/** Four values at a time where `size` allows: the WGSL type of an element and how many there are. */
export function vectorOf(size: number): { type: "vec4f" | "f32"; count: number } {
  return size % 4 === 0 ? { type: "vec4f", count: size / 4 } : { type: "f32", count: size };
}

/** A number rounded up to whole vectors of four. */
export const inFours = (count: number): number => Math.ceil(count / 4) * 4;
