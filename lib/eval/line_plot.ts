/** An axis of a {@linkcode linePlot}. */
export interface PlotAxis {
  /** What it counts, with the unit. */
  readonly label: string;
  /** Whether equal steps are equal differences or equal factors. @default "linear" */
  readonly scale?: "linear" | "log";
  /** Smallest value shown; of a log axis over 0. @default the smallest there is, rounded down to a tick */
  readonly min?: number;
  /** Largest value shown. @default the largest there is, rounded up to a tick */
  readonly max?: number;
  /** A tick's number as text. @default few digits, powers of ten where zeros would be many */
  readonly format?: (value: number) => string;
}

/** A line of a {@linkcode linePlot}. */
export interface PlotSeries {
  /** For the legend; a line without a name is not in it. */
  readonly name?: string;
  /** x and y, in the order in which the line goes; those that a log axis cannot show, or that are not finite, are left out. */
  readonly points: readonly (readonly [number, number])[];
  /** A dot at every point. @default false */
  readonly dots?: boolean;
  /** The ground between the line and the horizontal axis is tinted. @default false */
  readonly fill?: boolean;
  /** A thin grey dashed line, for what the others are compared with. @default false */
  readonly reference?: boolean;
}

/** What a {@linkcode linePlot} shows. */
export interface LinePlot {
  /** Above the plot. */
  readonly title?: string;
  /** The horizontal axis. */
  readonly x: PlotAxis;
  /** The vertical axis. */
  readonly y: PlotAxis;
  /** The lines, the last on top. */
  readonly series: readonly PlotSeries[];
  /** Pixels. @default 700 */
  readonly width?: number;
  /** Pixels of the plot and its axes; the legend comes below. @default 420 */
  readonly height?: number;
}

/** Colours that also those tell apart who see few. @source Okabe and Ito, "Color Universal Design", 2008; without yellow, which is pale on white */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/** Dashes of the second round of colours, the third and so on. */
const DASHES = ["", "7 3", "2 3", "9 3 2 3"];

const FONT = 'font-family="system-ui, sans-serif" font-size="12"';

/** Width of a letter, in pixels: enough for nearly all of them. */
const LETTER = 6.6;

/** A length in a picture: whole hundredths of a pixel. */
const px = (value: number): string => String(Math.round(value * 100) / 100);

/**
 * A plot of lines as an SVG picture: linear or logarithmic axes, ticks at round numbers, a legend below. White ground, readable from 700
 * pixels on.
 *
 * @example
 * ```ts
 * import { linePlot } from "./line_plot.ts";
 *
 * const svg = linePlot({
 *   x: { label: "false accept rate", scale: "log" },
 *   y: { label: "true accept rate", max: 1 },
 *   series: [{ name: "lfw", points: [[1e-4, 0.7], [1e-2, 0.9], [1, 1]] }],
 * });
 * console.assert(svg.startsWith("<svg") && svg.includes("lfw"));
 * ```
 */
export function linePlot(plot: LinePlot): string {
  const { title, series, width = 700, height = 420 } = plot;
  const shown = series.map(({ points }) => points.filter(([x, y]) => isShown(x, plot.x) && isShown(y, plot.y)));
  const x = scaleOf(plot.x, shown.flatMap((points) => points.map(([value]) => value)));
  const y = scaleOf(plot.y, shown.flatMap((points) => points.map(([, value]) => value)));
  const widest = Math.max(...y.ticks.map(({ text }) => text.length));
  const left = Math.round(34 + LETTER * widest);
  const right = width - 18;
  const top = title === undefined ? 14 : 38;
  const bottom = height - 46;
  const atX = (value: number) => left + x.place(value) * (right - left);
  const atY = (value: number) => bottom - y.place(value) * (bottom - top);
  const legend = legendOf(series, left, right, height);

  const parts = [
    `<rect width="${width}" height="${legend.bottom}" fill="#ffffff"/>`,
  ];
  if (title !== undefined) {
    parts.push(`<text x="${left}" y="24" font-size="15" font-weight="600">${escaped(title)}</text>`);
  }
  for (const { value, text } of x.ticks) {
    const at = px(atX(value));
    parts.push(`<path d="M${at} ${top}V${bottom}" stroke="#e3e3e3"/>`);
    parts.push(`<text x="${at}" y="${bottom + 17}" text-anchor="middle">${escaped(text)}</text>`);
  }
  for (const { value, text } of y.ticks) {
    const at = atY(value);
    parts.push(`<path d="M${left} ${px(at)}H${right}" stroke="#e3e3e3"/>`);
    parts.push(`<text x="${left - 7}" y="${px(at + 4)}" text-anchor="end">${escaped(text)}</text>`);
  }
  parts.push(`<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#555555"/>`);
  parts.push(
    `<text x="${px((left + right) / 2)}" y="${bottom + 37}" text-anchor="middle">${escaped(plot.x.label)}</text>`,
  );
  const middle = px((top + bottom) / 2);
  parts.push(
    `<text x="15" y="${middle}" text-anchor="middle" transform="rotate(-90 15 ${middle})">${
      escaped(plot.y.label)
    }</text>`,
  );
  // A picture within: what goes beyond the axes is cut off, without a name that could be in a page twice.
  const inside = `${left} ${top} ${right - left} ${bottom - top}`;
  parts.push(`<svg x="${left}" y="${top}" width="${right - left}" height="${bottom - top}" viewBox="${inside}">`);
  shown.forEach((points, i) => {
    parts.push(...lineOf(points.map(([px, py]) => [atX(px), atY(py)]), styleOf(series, i), series[i], bottom));
  });
  parts.push("</svg>", ...legend.parts);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${legend.bottom}" ` +
    `viewBox="0 0 ${width} ${legend.bottom}" ${FONT} fill="#222222">\n${parts.join("\n")}\n</svg>\n`;
}

const isShown = (value: number, { scale }: PlotAxis): boolean =>
  Number.isFinite(value) && (scale !== "log" || value > 0);

/** Colour and dashes of line `i`, as attributes. */
function styleOf(series: readonly PlotSeries[], i: number): { colour: string; stroke: string } {
  if (series[i].reference) return { colour: "#999999", stroke: 'stroke="#999999" stroke-dasharray="4 4"' };
  const number = series.slice(0, i).filter(({ reference }) => !reference).length;
  const colour = COLOURS[number % COLOURS.length];
  const dash = DASHES[Math.floor(number / COLOURS.length) % DASHES.length];
  return { colour, stroke: `stroke="${colour}" stroke-width="2"${dash && ` stroke-dasharray="${dash}"`}` };
}

function lineOf(
  points: readonly (readonly [number, number])[],
  { colour, stroke }: { colour: string; stroke: string },
  { dots, fill }: PlotSeries,
  bottom: number,
): string[] {
  if (points.length === 0) return [];
  const path: string[] = [];
  let last: readonly [number, number] | undefined;
  points.forEach((point, i) => {
    // A curve of a hundred thousand points is drawn with those that can be told apart.
    const near = last && Math.hypot(point[0] - last[0], point[1] - last[1]) < 0.25;
    if (near && i < points.length - 1) return;
    path.push(`${px(point[0])} ${px(point[1])}`);
    last = point;
  });
  const parts = [`<path d="M${path.join("L")}" fill="none" ${stroke} stroke-linejoin="round"/>`];
  if (fill) {
    const [first, end] = [points[0], points[points.length - 1]].map(([x]) => px(x));
    const area = `M${first} ${bottom}L${path.join("L")}L${end} ${bottom}Z`;
    parts.unshift(`<path d="${area}" fill="${colour}" fill-opacity="0.22"/>`);
  }
  if (!dots) return parts;
  return [...parts, ...points.map(([x, y]) => `<circle cx="${px(x)}" cy="${px(y)}" r="3.5" fill="${colour}"/>`)];
}

/** Names under the plot, in as many columns as the longest allows. */
function legendOf(
  series: readonly PlotSeries[],
  left: number,
  right: number,
  top: number,
): { parts: string[]; bottom: number } {
  const named = series.flatMap(({ name }, i) => name === undefined ? [] : [{ name, ...styleOf(series, i) }]);
  if (named.length === 0) return { parts: [], bottom: top };
  const column = 44 + LETTER * Math.max(...named.map(({ name }) => name.length));
  const columns = Math.max(1, Math.min(named.length, Math.floor((right - left) / column)));
  const parts = named.flatMap(({ name, stroke }, i) => {
    const x = left + (i % columns) * (right - left) / columns;
    const y = top + 10 + 18 * Math.floor(i / columns);
    return [
      `<path d="M${px(x)} ${y}h24" ${stroke}/>`,
      `<text x="${px(x + 30)}" y="${y + 4}">${escaped(name)}</text>`,
    ];
  });
  return { parts, bottom: top + 14 + 18 * Math.ceil(named.length / columns) };
}

/** An axis with its numbers filled in. */
interface Scale {
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** Where a value lies, from 0 to 1 within the axis. */
  place(value: number): number;
}

function scaleOf(axis: PlotAxis, values: readonly number[]): Scale {
  const isLog = axis.scale === "log";
  // Not Math.min(...values): a curve may have more points than a call may have arguments.
  let [least, most] = values.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  if (least > most) [least, most] = isLog ? [0.1, 1] : [0, 1];
  let low = axis.min ?? least;
  let high = axis.max ?? most;
  if (!(high > low)) {
    [low, high] = isLog ? [low / 2, low * 2] : [low - Math.abs(low) / 2 - 0.5, low + Math.abs(low) / 2 + 0.5];
  }
  const raw = isLog ? logTicks(low, high) : linearTicks(low, high);
  if (axis.min === undefined) low = Math.min(low, raw[0]);
  if (axis.max === undefined) high = Math.max(high, raw[raw.length - 1]);
  const slack = 1e-9;
  const along = isLog ? Math.log : (value: number) => value;
  const place = (value: number) => (along(value) - along(low)) / (along(high) - along(low));
  const ticks = raw.filter((value) => place(value) > -slack && place(value) < 1 + slack);
  const format = axis.format ?? (isLog ? logNumber : (value: number) => linearNumber(value, raw[1] - raw[0]));
  return { ticks: ticks.map((value) => ({ value, text: format(value) })), place };
}

/** Multiples of 1, 2 or 5 times a power of ten that hold a range, four to nine of them. */
function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Powers of ten that hold a range; with 2 and 5 times them where there are few, every second or third where there are many. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  if (decades > 2.5) {
    const step = Math.ceil(decades / 9);
    const first = Math.floor(Math.log10(low) + 1e-9);
    const last = Math.ceil(Math.log10(high) - 1e-9);
    return Array.from({ length: Math.ceil((last - first) / step) + 1 }, (_, i) => 10 ** (first + i * step));
  }
  const factors = decades > 0.9 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power++) {
    all.push(...factors.map((factor) => factor * 10 ** power));
  }
  const first = all.findLastIndex((value) => value <= low * (1 + 1e-9));
  const last = all.findIndex((value) => value >= high * (1 - 1e-9));
  return all.slice(first, last + 1);
}

/** A tick's number, with the digits that its neighbours at `step` need. */
function linearNumber(value: number, step: number): string {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return Math.abs(value) >= 1e6 || digits > 6 ? shortPower(value) : value.toFixed(digits);
}

function logNumber(value: number): string {
  if (value >= 1e5 || value < 1e-3) return shortPower(value);
  return String(Number(value.toPrecision(3)));
}

/** 1e-4, 2e6. */
function shortPower(value: number): string {
  return value.toExponential().replace(/^(-?\d(?:\.\d{1,2})?)\d*e\+?/, "$1e");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
