import { linePlot, type PlotSeries } from "./line_plot.ts";
import type { RocCurve } from "./roc.ts";

/** What a ROC plot shows. */
export interface RocPlotOptions {
  /** Above the plot. @default nothing */
  readonly title?: string;
  /** The smallest false positive rate that is shown; a power of ten. @default 1e-6 */
  readonly least?: number;
  /** Pixels. @default 700 */
  readonly width?: number;
  /** Pixels, without the legend. @default 420 */
  readonly height?: number;
}

const POINTS_PER_DECADE = 60;

/**
 * A curve's points for a plot with a logarithmic axis: at each of many rates the last point that is not beyond it, a few hundred, however many
 * pairs there were.
 */
export function rocPoints(curve: RocCurve, least = 1e-6): [fpr: number, tpr: number][] {
  const { truePositives, falsePositives, positives, negatives } = curve;
  const points: [number, number][] = [];
  const steps = Math.round(-Math.log10(least) * POINTS_PER_DECADE);
  let at = 0;
  for (let k = 0; k <= steps; k++) {
    const fpr = k === steps ? 1 : least * 10 ** (k / POINTS_PER_DECADE);
    const most = fpr * negatives;
    let high = falsePositives.length - 1;
    while (at < high) { // the last point with at most so many false positives
      const middle = (at + high + 1) >> 1;
      if (falsePositives[middle] <= most) at = middle;
      else high = middle - 1;
    }
    points.push([fpr, truePositives[at] / positives]);
  }
  return points;
}

/** ROC curves as an SVG picture: false positive rate on a logarithmic axis, true positive rate on a linear one from where the lowest line begins. */
export function rocPlot(
  lines: readonly PlotSeries[],
  { title, least = 1e-6, width, height }: RocPlotOptions = {},
): string {
  const lowest = Math.min(1, ...lines.flatMap(({ points }) => points.filter(([x]) => x >= least).map(([, y]) => y)));
  const step = lowest > 0.9 ? 0.02 : lowest > 0.5 ? 0.1 : 0.2;
  const floor = Math.max(0, Math.min(1 - step, Math.floor(lowest / step + 1e-9) * step));
  return linePlot({
    title,
    x: {
      label: "false positive rate",
      scale: "log",
      min: least,
      max: 1,
      format: (rate) => rate > 0.5 ? "1" : rate.toExponential(0),
    },
    y: {
      label: "true positive rate",
      min: floor,
      max: 1,
      format: (rate) => `${Number((100 * rate).toFixed(1))} %`,
    },
    series: lines,
    width,
    height,
  });
}
