import type { KernelSpec } from "../kernel_spec.ts";
import { indexedCalls } from "./texture_reads.ts";

/** The largest finite number of IEEE half precision. */
export const LARGEST_HALF = 65504;

/**
 * The same kernel with the buffers of these bindings in half precision, two values a word: it converts what it reads and writes, and computes
 * in float32 as before. Needs no feature of the adapter.
 *
 * What is written beyond the largest half becomes that; what is not a number stays so. A buffer that is written must be one of vectors of four.
 *
 * @example
 * ```ts
 * import { halfStorage } from "./half_storage.ts";
 *
 * const double = {
 *   name: "double",
 *   bindings: ["read", "write"] as const,
 *   workgroups: [1, 1, 1] as const,
 *   wgsl: `@group(0) @binding(0) var<storage, read> x: array<vec4f, 8>;
 * @group(0) @binding(1) var<storage, read_write> y: array<vec4f, 8>;
 * fn main() { y[0u] = 2.0 * x[0u]; }`,
 * };
 * console.assert(halfStorage(double, [0, 1]).wgsl.includes("y[0u] = toHalf(2.0 * half_x(u32(0u)));"));
 * ```
 */
export function halfStorage(spec: KernelSpec, bindings: readonly number[]): KernelSpec {
  let { wgsl } = spec;
  const wanted = new Set(bindings);
  const read: string[] = [];
  const written: string[] = [];
  wgsl = wgsl.replace(
    /@group\(0\) @binding\((\d+)\) var<storage, (read|read_write)> (\w+): array<(vec4f|f32)(?:, (\d+))?>;/g,
    (whole, binding, access, name, type, length) => {
      if (!wanted.delete(Number(binding))) return whole;
      const vector = type === "vec4f";
      if (access === "read_write" && !vector) throw new Error(`${spec.name}: cannot write single halves to ${name}`);
      (access === "read" ? read : written).push(name);
      const element = vector ? "vec2u" : "u32";
      const size = length === undefined ? "" : `, ${vector ? length : Math.ceil(Number(length) / 2)}`;
      const declaration = `@group(0) @binding(${binding}) var<storage, ${access}> ${name}: array<${element}${size}>;`;
      if (access === "read_write") return declaration;
      return declaration + (vector
        ? `
fn half_${name}(i: u32) -> vec4f { let words = ${name}[i]; return vec4f(unpack2x16float(words.x), unpack2x16float(words.y)); }`
        : `
fn half_${name}(i: u32) -> f32 { let both = unpack2x16float(${name}[i / 2u]); return select(both.x, both.y, i % 2u == 1u); }`);
    },
  );
  if (wanted.size > 0) throw new Error(`${spec.name}: binding ${[...wanted]} cannot hold halves`);
  if (read.length > 0) wgsl = readHalves(wgsl, read);
  if (written.length > 0) wgsl = writeHalves(wgsl, written, spec.name) + TO_HALF;
  return { ...spec, wgsl };
}

const TO_HALF = `
fn toHalf(value: vec4f) -> vec2u {
  let inside = clamp(value, vec4f(-${LARGEST_HALF}.0), vec4f(${LARGEST_HALF}.0));
  let words = vec2u(pack2x16float(inside.xy), pack2x16float(inside.zw));
  // Not a number, by its bits: compilers may take it that there are none.
  return select(words, vec2u(0x7e007e00u), any((bitcast<vec4u>(value) & vec4u(0x7fffffffu)) > vec4u(0x7f800000u)));
}
`;

/** Calls in the place of reads, but in the functions that they call. */
function readHalves(wgsl: string, names: readonly string[]): string {
  const own = new RegExp(`^fn half_(?:${names.join("|")})\\(.*$`, "gm");
  const kept: string[] = [];
  const without = wgsl.replace(own, (line) => `//half ${kept.push(line) - 1}`);
  const called = indexedCalls(without, names, "half_");
  return called.replace(/^\/\/half (\d+)$/gm, (_, i) => kept[Number(i)]);
}

/** Conversions around what is written; nothing may be read there. */
function writeHalves(wgsl: string, names: readonly string[], kernel: string): string {
  const place = new RegExp(`\\b(${names.join("|")})\\[`, "g");
  const parts: string[] = [];
  let at = 0;
  for (let match = place.exec(wgsl); match; match = place.exec(wgsl)) {
    let to = place.lastIndex;
    for (let depth = 1; depth > 0; to++) depth += wgsl[to] === "[" ? 1 : wgsl[to] === "]" ? -1 : 0;
    const assigned = /^\s*=(?!=)\s*([^;]*);/.exec(wgsl.slice(to));
    if (!assigned) throw new Error(`${kernel}: reads ${match[1]}, which is only written in halves`);
    parts.push(wgsl.slice(at, to), ` = toHalf(${assigned[1]});`);
    at = place.lastIndex = to + assigned[0].length;
  }
  return parts.join("") + wgsl.slice(at);
}
