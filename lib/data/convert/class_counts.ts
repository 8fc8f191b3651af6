/** How many images the classes have. */
export interface ClassCounts {
  /** Classes that have any image. */
  used: number;
  /** Classes that have none. */
  empty: number;
  /** The fewest images of a class that has any. */
  min: number;
  /** The median over classes that have any; of two middle ones their mean. */
  median: number;
  /** The most images of a class. */
  max: number;
  /** How many classes have `from` … `to` images, in steps of doubling. */
  histogram: { from: number; to: number; classes: number }[];
}

/** Sums up the number of images per class. */
export function countClasses(counts: Uint32Array): ClassCounts {
  const used = counts.filter((count) => count > 0).sort();
  const n = used.length;
  const histogram: ClassCounts["histogram"] = [];
  for (let from = 1; n > 0 && from <= used[n - 1]; from *= 2) {
    histogram.push({ from, to: 2 * from - 1, classes: 0 });
  }
  for (const count of used) histogram[Math.floor(Math.log2(count))].classes++;
  return {
    used: n,
    empty: counts.length - n,
    min: used[0] ?? 0,
    median: n === 0 ? 0 : (used[(n - 1) >> 1] + used[n >> 1]) / 2,
    max: used[n - 1] ?? 0,
    histogram: histogram.slice(histogram.findIndex((bin) => bin.classes > 0)),
  };
}
