import type { Reduction } from "./group.ts";

/** Numbers at once: what is being worked on stays in the processor's cache. */
const CHUNK = 4096;

/**
 * Reduces `parts` element by element into every one of `targets`; all have one length, and a target may be a part. Sums are taken in
 * the order of the parts, in double precision, and rounded once: whoever reduces the same parts gets the same bits.
 *
 * @example
 * ```ts
 * import { reduceParts } from "./reduce_parts.ts";
 *
 * const [a, b] = [Float32Array.of(1, 5), Float32Array.of(3, 6)];
 * reduceParts([a, b], [a, b], "average");
 * console.assert(a[0] === 2 && b[1] === 5.5);
 * ```
 */
export function reduceParts(
  parts: readonly Float32Array[],
  targets: readonly Float32Array[],
  reduction: Reduction,
): void {
  const { length } = targets[0];
  const sums = new Float64Array(parts.length === 2 ? 0 : Math.min(CHUNK, length));
  for (let from = 0; from < length; from += CHUNK) {
    const to = Math.min(length, from + CHUNK);
    const first = targets[0].subarray(from, to);
    if (parts.length === 2) reducePair(parts[0].subarray(from, to), parts[1].subarray(from, to), first, reduction);
    else {
      const chunk = sums.subarray(0, to - from);
      chunk.set(parts[0].subarray(from, to));
      for (let p = 1; p < parts.length; p++) {
        if (reduction === "max") takeLargest(chunk, parts[p].subarray(from, to));
        else addTo(chunk, parts[p].subarray(from, to));
      }
      if (reduction === "average") divideInto(first, chunk, parts.length);
      else first.set(chunk);
    }
    for (let t = 1; t < targets.length; t++) targets[t].set(first, from);
  }
}

/** Two parts, the commonest case, need no sums between: one addition in double precision is rounded once too. */
function reducePair(a: Float32Array, b: Float32Array, target: Float32Array, reduction: Reduction): void {
  const { length } = target;
  if (reduction === "max") { for (let i = 0; i < length; i++) target[i] = Math.max(a[i], b[i]); }
  else if (reduction === "sum") { for (let i = 0; i < length; i++) target[i] = a[i] + b[i]; }
  else for (let i = 0; i < length; i++) target[i] = (a[i] + b[i]) / 2;
}

function addTo(sums: Float64Array, part: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] += part[i];
}

function takeLargest(sums: Float64Array, part: Float32Array): void {
  for (let i = 0; i < sums.length; i++) sums[i] = Math.max(sums[i], part[i]);
}

function divideInto(target: Float32Array, sums: Float64Array, count: number): void {
  for (let i = 0; i < sums.length; i++) target[i] = sums[i] / count;
}

/** Where the share of each of `size` ranks begins in `length` elements, and the end: size + 1 places, shares differ by one at most. */
export function shareBounds(length: number, size: number): number[] {
  return Array.from({ length: size + 1 }, (_, rank) => Math.floor(length * rank / size));
}
