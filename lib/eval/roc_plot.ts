import { escapeHtml } from "./html_page.ts";
import type { RocCurve } from "./roc.ts";

/** A line of a plot. */
export interface PlotLine {
  /** What it is called in the legend. */
  readonly name: string;
  /** Its points: x and y. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** What a ROC plot shows. */
export interface RocPlotOptions {
  /** Above the plot. @default nothing */
  readonly title?: string;
  /** The smallest false positive rate that is shown; a power of ten. @default 1e-6 */
  readonly least?: number;
}

const WIDTH = 640, HEIGHT = 440;
const AREA = { left: 64, top: 40, right: 620, bottom: 380 };
/** Colours that are told apart by the colour-blind too. @source Okabe and Ito, "Color Universal Design", 2008 */
const COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
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

/** ROC curves as an SVG image: false positive rate on a logarithmic axis, true positive rate on a linear one from where the lowest line begins. */
export function rocPlot(lines: readonly PlotLine[], { title = "", least = 1e-6 }: RocPlotOptions = {}): string {
  const decades = Math.round(-Math.log10(least));
  const lowest = Math.min(1, ...lines.flatMap(({ points }) => points.filter(([x]) => x >= least).map(([, y]) => y)));
  const step = lowest > 0.9 ? 0.02 : lowest > 0.5 ? 0.1 : 0.2;
  const floor = Math.max(0, Math.min(1 - step, Math.floor(lowest / step + 1e-9) * step));
  const x = (rate: number) => AREA.left + (Math.log10(Math.max(rate, least)) / decades + 1) * (AREA.right - AREA.left);
  const y = (rate: number) => AREA.bottom - (rate - floor) / (1 - floor) * (AREA.bottom - AREA.top);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${WIDTH / 2}" y="22" text-anchor="middle" font-size="15">${escapeHtml(title)}</text>`,
  ];
  for (let k = 0; k <= decades; k++) {
    const at = x(least * 10 ** k);
    parts.push(
      `<line x1="${at}" x2="${at}" y1="${AREA.top}" y2="${AREA.bottom}" stroke="#ddd"/>`,
      `<text x="${at}" y="${AREA.bottom + 18}" text-anchor="middle">${k === decades ? 1 : `1e-${decades - k}`}</text>`,
    );
  }
  for (let k = 0; floor + k * step <= 1 + 1e-9; k++) {
    const rate = floor + k * step, at = y(rate);
    parts.push(
      `<line x1="${AREA.left}" x2="${AREA.right}" y1="${fixed(at)}" y2="${fixed(at)}" stroke="#ddd"/>`,
      `<text x="${AREA.left - 8}" y="${fixed(at + 4)}" text-anchor="end">${Number((100 * rate).toFixed(1))} %</text>`,
    );
  }
  for (const [i, { name, points }] of lines.entries()) {
    const color = COLORS[i % COLORS.length];
    const path = points.filter(([rate]) => rate >= least).map(([fpr, tpr]) => `${fixed(x(fpr))},${fixed(y(tpr))}`).join(
      " ",
    );
    const legend = AREA.bottom - 12 - 18 * (lines.length - 1 - i);
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.8"/>`,
      `<line x1="${AREA.right - 190}" x2="${AREA.right - 165}" y1="${legend - 4}" y2="${
        legend - 4
      }" stroke="${color}" stroke-width="3"/>`,
      `<text x="${AREA.right - 158}" y="${legend}">${escapeHtml(name)}</text>`,
    );
  }
  parts.push(
    `<rect x="${AREA.left}" y="${AREA.top}" width="${AREA.right - AREA.left}" height="${
      AREA.bottom - AREA.top
    }" fill="none" stroke="#444"/>`,
    `<text x="${(AREA.left + AREA.right) / 2}" y="${HEIGHT - 16}" text-anchor="middle">false positive rate</text>`,
    `<text transform="translate(16 ${
      (AREA.top + AREA.bottom) / 2
    }) rotate(-90)" text-anchor="middle">true positive rate</text>`,
    "</svg>",
  );
  return parts.join("\n");
}

function fixed(value: number): string {
  return String(Number(value.toFixed(2)));
}
