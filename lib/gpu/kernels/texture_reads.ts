/** Texels of a row of a texture that stands for a buffer: rows of 64 KiB and of 16 KiB, which copies from buffers may have. */
export const TEXTURE_WIDTH = 4096;

/** The types that kernels read, and the textures that hold them value for value. */
const FORMATS = {
  vec4f: { format: "rgba32float", bytes: 16, value: "vec4f", part: "" },
  vec2u: { format: "rg32uint", bytes: 8, value: "vec2u", part: ".xy" },
  f32: { format: "r32float", bytes: 4, value: "f32", part: ".x" },
  i32: { format: "r32sint", bytes: 4, value: "i32", part: ".x" },
  u32: { format: "r32uint", bytes: 4, value: "u32", part: ".x" },
} as const;

/** A texture in the place of a buffer that is only read. */
export interface TextureRead {
  /** Its format. */
  readonly format: (typeof FORMATS)[keyof typeof FORMATS]["format"];
  /** Bytes of a texel. */
  readonly bytes: number;
}

/** A kernel that reads through textures. */
export interface TextureKernel {
  /** Its text. */
  readonly wgsl: string;
  /** Bindings that are textures. */
  readonly textures: ReadonlyMap<number, TextureRead>;
}

/**
 * The same kernel with textures for the buffers that it only reads, at most `most` of them, in the order of their declarations.
 *
 * A software adapter loads from a buffer lane by lane and inserts each value into a register at a variable place, which a processor
 * without AVX-512 does through memory: 250 ns for a vector of eight lanes, where the same load from a texture takes 12.
 *
 * @example
 * ```ts
 * import { textureReads } from "./texture_reads.ts";
 *
 * const { wgsl } = textureReads("@group(0) @binding(0) var<storage, read> a: array<f32, 8>; fn f() -> f32 { return a[2u]; }", 4);
 * console.assert(wgsl.includes("return load_a(u32(2u));"));
 * ```
 */
export function textureReads(wgsl: string, most: number): TextureKernel {
  const textures = new Map<number, TextureRead>();
  const names: string[] = [];
  const declared = wgsl.replace(
    /@group\(0\) @binding\((\d+)\) var<storage, read> (\w+): array<(vec4f|vec2u|f32|i32|u32)(?:, \d+)?>;/g,
    (whole, binding, name, type: keyof typeof FORMATS) => {
      if (textures.size === most) return whole;
      const { format, bytes, value, part } = FORMATS[type];
      textures.set(Number(binding), { format, bytes });
      names.push(name);
      return `@group(0) @binding(${binding}) var ${name}: texture_storage_2d<${format}, read>;
fn load_${name}(i: u32) -> ${value} { return textureLoad(${name}, vec2u(i % ${TEXTURE_WIDTH}u, i / ${TEXTURE_WIDTH}u))${part}; }`;
    },
  );
  if (names.length === 0) return { wgsl, textures };
  return { wgsl: indexedCalls(declared, names, "load_"), textures };
}

/** Every `name[index]` of these names as a call of `prefix_name`; an index may hold others. */
export function indexedCalls(text: string, names: readonly string[], prefix: string): string {
  return calls(text, new RegExp(`\\b(${names.join("|")})\\[`, "g"), prefix);
}

function calls(text: string, pattern: RegExp, prefix: string): string {
  const parts: string[] = [];
  let at = 0;
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const from = pattern.lastIndex;
    let to = from;
    for (let depth = 1; depth > 0; to++) {
      if (to >= text.length) throw new Error(`expected a closing bracket after ${match[0]}`);
      if (text[to] === "[") depth++;
      else if (text[to] === "]") depth--;
    }
    const index = text.slice(from, to - 1);
    parts.push(
      text.slice(at, match.index),
      `${prefix}${match[1]}(u32(`,
      calls(index, new RegExp(pattern, "g"), prefix),
      "))",
    );
    at = pattern.lastIndex = to;
  }
  return parts.join("") + text.slice(at);
}
