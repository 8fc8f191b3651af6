import type { SideTimes } from "./alternate.ts";

/** The figures of one measurement by name: `ours_ms`, of peers `stock_ms`, `torch_ms`, `ratio_stock`, `ratio_torch`, and more. */
export type Figures = Readonly<Record<string, number | string>>;

/** One line of `--json`, one row of a table. */
export interface Measurement {
  /** What was measured, with its shapes. */
  readonly name: string;
  /** Its figures. */
  readonly figures: Figures;
}

/** Least, median and largest of some times; of an even number the mean of the two in the middle. */
export function spread(times: readonly number[]): { min: number; median: number; max: number } {
  const sorted = [...times].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return {
    min: sorted[0],
    median: (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2,
    max: sorted[sorted.length - 1],
  };
}

/**
 * Figures of sides timed in turn: of each its median as `SIDE_ms` and its spread as `SIDE_min_ms` and `SIDE_max_ms`; `ratio_SIDE`, how
 * many times as long as `ours` a peer takes; `SIDE` as a text, why a peer has none.
 */
export function sideFigures(sides: ReadonlyMap<string, SideTimes>): Record<string, number | string> {
  const figures: Record<string, number | string> = {};
  for (const [name, { times, leftOut }] of sides) {
    if (leftOut !== undefined) {
      figures[name] = leftOut;
      continue;
    }
    const { median, min, max } = spread(times);
    Object.assign(figures, { [`${name}_ms`]: median, [`${name}_min_ms`]: min, [`${name}_max_ms`]: max });
  }
  const ours = figures.ours_ms;
  for (const name of sides.keys()) {
    const peer = figures[`${name}_ms`];
    if (name !== "ours" && typeof peer === "number" && typeof ours === "number") figures[`ratio_${name}`] = peer / ours;
  }
  return figures;
}
