import { writeFileAtomic } from "../../lib/data/atomic_file.ts";
import { linePlot } from "../../lib/eval/line_plot.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { IRESNET_BLOCKS } from "../../lib/nn/iresnet.ts";
import { alternate } from "./alternate.ts";
import { sideFigures } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";
import type { Report } from "./report.ts";
import { dialText } from "./step.ts";
import { TrainingSides } from "./training_sides.ts";

/** Times of a step that grows along one dial. */
export interface GrowthSeries {
  /** What grows: `batch`, `classes`, `blocks`. */
  readonly dial: string;
  /** The dial and the milliseconds at it, the smallest first. */
  readonly points: readonly (readonly [number, number])[];
}

/** Classes of the head, up to those of MS1MV2. */
const CLASSES = [1000, 10_000, 85_742];

/** Networks of the depth's series. */
const DEPTHS = ["iresnet18", "iresnet34", "iresnet50", "iresnet100"];

/** Time of a step against batch, classes and depth, and a plot of how it grows. */
export async function benchScale(gpu: Gpu, options: BenchOptions, report: Report): Promise<void> {
  const { model = "iresnet18", width, imageSize, batchSize = 8, classes = 1000, runs, plot } = options;
  const known = new Map<string, number>();
  const time = async (shape: { model: string; batch: number; classes: number }): Promise<number> => {
    const name = `scale ${shape.model}${dialText(width, imageSize)} batch ${shape.batch}, ${shape.classes} classes`;
    const before = known.get(name);
    if (before !== undefined) return before;
    const sides = new TrainingSides(gpu, { width, imageSize, ...shape });
    try {
      const figures = sideFigures(await alternate([sides.ours()], { runs }));
      report.add(name, { ...figures, images_per_second: 1000 * shape.batch / Number(figures.ours_ms) });
      known.set(name, Number(figures.ours_ms));
      return Number(figures.ours_ms);
    } finally {
      sides.dispose();
    }
  };
  const series = async (dial: string, values: readonly number[], at: (i: number) => Parameters<typeof time>[0]) => {
    const points: [number, number][] = [];
    for (const [i, value] of values.entries()) points.push([value, await time(at(i))]);
    return { dial, points };
  };
  const batches = halvings(batchSize);
  const all = [
    await series("batch", batches, (i) => ({ model, batch: batches[i], classes })),
    await series("classes", CLASSES, (i) => ({ model, batch: batchSize, classes: CLASSES[i] })),
    await series(
      "blocks",
      DEPTHS.map((name) => IRESNET_BLOCKS[name].reduce((a, b) => a + b)),
      (i) => ({ model: DEPTHS[i], batch: batchSize, classes }),
    ),
  ];
  const folder = plot.replace(/\/?[^/]*$/, "");
  if (folder) Deno.mkdirSync(folder, { recursive: true });
  const title = `Time of a training step, ${model}${
    dialText(width, imageSize)
  } batch ${batchSize} where not said otherwise`;
  writeFileAtomic(plot, new TextEncoder().encode(growthPlot(all, title)), { force: true });
  for (const one of all) report.note(`${growthText(one)}: time grows with its power ${growthExponent(one).toFixed(2)}`);
  report.note(`plot: ${plot}`);
}

/** A batch and its halves down to one, the smallest first; four of them at most. */
export function halvings(batch: number): number[] {
  const sizes: number[] = [];
  for (let size = batch; size >= 1 && sizes.length < 4; size = Math.floor(size / 2)) sizes.unshift(size);
  return sizes;
}

function growthText({ dial, points }: GrowthSeries): string {
  return `${dial} ${points[0][0]} to ${points[points.length - 1][0]}`;
}

/** The power of the dial that the time grows with: the slope of the straight line through the logarithms, by least squares. */
export function growthExponent({ points }: GrowthSeries): number {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)]);
  const mean = (i: number) => logs.reduce((sum, pair) => sum + pair[i], 0) / logs.length;
  const [mx, my] = [mean(0), mean(1)];
  const over = logs.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  return over / logs.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
}

/** Every series relative to its smallest, on logarithmic axes; a dashed line for time that grows as the dial does. */
export function growthPlot(all: readonly GrowthSeries[], title: string): string {
  const relative = all.map(({ points }) => points.map(([x, y]) => [x / points[0][0], y / points[0][1]] as const));
  const most = Math.max(2, ...relative.flat().map(([x]) => x));
  return linePlot({
    title,
    x: { label: "dial, times its smallest", scale: "log" },
    y: { label: "time, times that at the smallest", scale: "log" },
    series: [
      { name: "as the dial", points: [[1, 1], [most, most]], reference: true },
      ...all.map((one, i) => ({
        name: `${growthText(one)}: power ${growthExponent(one).toFixed(2)}`,
        points: relative[i],
        dots: true,
      })),
    ],
  });
}
