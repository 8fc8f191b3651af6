import { linePlot, type PlotSeries } from "../line_plot.ts";

/** How the similarities of the two kinds of pairs are spread. */
export interface SimilarityHistogram {
  /** Ends of the bins, one more than there are bins; evenly spaced multiples of a round number. */
  readonly edges: readonly number[];
  /** Pairs of one person per bin: `edges[i]` up to, without, `edges[i + 1]`. */
  readonly same: readonly number[];
  /** Pairs of two people per bin. */
  readonly different: readonly number[];
}

/** Bins are no finer than this: below it similarities differ by rounding. */
const FINEST = 1e-6;

/** Counts similarities in 25 to 60 bins, or fewer where they hardly differ. */
export function similarityHistogram(
  similarities: ArrayLike<number>,
  same: ArrayLike<boolean>,
): SimilarityHistogram {
  let least = Infinity, most = -Infinity;
  for (let i = 0; i < similarities.length; i++) {
    least = Math.min(least, similarities[i]);
    most = Math.max(most, similarities[i]);
  }
  const rough = Math.max((most - least) / 58, FINEST);
  const power = 10 ** Math.floor(Math.log10(rough));
  // bins per unit: a whole number, so that the edges are round
  const perUnit = Math.round(1 / (power * [1, 2, 5, 10].find((factor) => factor * power >= rough * (1 - 1e-9))!));
  const binOf = (value: number) => Math.floor(value * perUnit + 1e-9);
  const first = binOf(least);
  const bins = binOf(most) - first + 1;
  const counts = { same: new Array<number>(bins).fill(0), different: new Array<number>(bins).fill(0) };
  for (let i = 0; i < similarities.length; i++) {
    counts[same[i] ? "same" : "different"][binOf(similarities[i]) - first]++;
  }
  return { edges: Array.from({ length: bins + 1 }, (_, i) => (first + i) / perUnit), ...counts };
}

/** What a histogram's plot shows besides. */
export interface HistogramPlotOptions {
  /** Above the plot. @default nothing */
  readonly title?: string;
  /** A similarity that is marked. @default none */
  readonly mark?: { readonly similarity: number; readonly name: string };
  /** Pixels. @default 700 */
  readonly width?: number;
  /** Pixels. @default 340 */
  readonly height?: number;
}

/** A histogram as an SVG picture: of either kind the share of its pairs in each bin. */
export function histogramPlot(histogram: SimilarityHistogram, options: HistogramPlotOptions = {}): string {
  const { title, mark, width, height = 340 } = options;
  const { edges, same, different } = histogram;
  const share = (counts: readonly number[]) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.map((count) => 100 * count / Math.max(1, total));
  };
  const [own, other] = [share(same), share(different)];
  const most = Math.max(...own, ...other);
  const outline = (shares: number[]): [number, number][] => [
    [edges[0], 0],
    ...shares.flatMap((value, i): [number, number][] => [[edges[i], value], [edges[i + 1], value]]),
    [edges[edges.length - 1], 0],
  ];
  const series: PlotSeries[] = [
    { name: "one person", points: outline(own), fill: true },
    { name: "two people", points: outline(other), fill: true },
  ];
  if (mark !== undefined) {
    const { similarity, name } = mark;
    series.push({ name, points: [[similarity, 0], [similarity, 1.05 * most]], reference: true });
  }
  const least = Math.min(edges[0], mark?.similarity ?? Infinity);
  const largest = Math.max(edges[edges.length - 1], mark?.similarity ?? -Infinity);
  return linePlot({
    title,
    x: { label: "similarity (cosine)", min: least, max: largest },
    y: { label: "share of the pairs of a kind, %", min: 0, max: 1.05 * most },
    series,
    width,
    height,
  });
}
