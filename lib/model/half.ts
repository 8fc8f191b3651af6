/** Sixteen-bit floats as bit patterns, to float32 and back (to nearest, ties to even). */

/**
 * IEEE half precision to float32, exactly.
 *
 * @example
 * ```ts
 * import { halfToFloat32 } from "./half.ts";
 *
 * console.assert(halfToFloat32(Uint16Array.of(0x3c00))[0] === 1);
 * ```
 */
export function halfToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(new Float16Array(bits.slice().buffer));
}

/** float32 to IEEE half precision; beyond 65504 becomes infinite. */
export function float32ToHalf(values: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(new Float16Array(values).buffer);
}

/** bfloat16, the upper half of a float32, to float32, exactly. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(bits, (value) => value << 16).buffer);
}

/** float32 to bfloat16; NaN stays NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const words = new Uint32Array(values.slice().buffer);
  return Uint16Array.from(words, (word, i) => {
    if (Number.isNaN(values[i])) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}
