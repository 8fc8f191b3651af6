/**
 * The rows in ascending order of their numbers, whole ones below 2^32; those of equal numbers keep their order. A radix sort, 16 bits at
 * a time: millions of rows cost as many steps, and one more array of them.
 *
 * @example
 * ```ts
 * import { sortByNumber } from "./sort_by_number.ts";
 *
 * const lengths = [70_000, 3, 500];
 * console.assert(sortByNumber(Uint32Array.of(0, 1, 2), (row) => lengths[row]).join() === "1,2,0");
 * ```
 */
export function sortByNumber(rows: Uint32Array, numberOf: (row: number) => number): Uint32Array {
  let from = rows.slice(), to = new Uint32Array(rows.length);
  for (const shift of [0, 16]) {
    const starts = new Uint32Array(1 << 16);
    for (const row of from) starts[(numberOf(row) >>> shift) & 0xffff]++;
    let sum = 0;
    for (let digit = 0; digit < starts.length; digit++) {
      const count = starts[digit];
      starts[digit] = sum;
      sum += count;
    }
    for (const row of from) to[starts[(numberOf(row) >>> shift) & 0xffff]++] = row;
    [from, to] = [to, from];
  }
  return from;
}
