import type { BadImage, PairSetReport, TrainingSetReport } from "../lib/data/convert/inspect.ts";

/** Bad images that are printed; JSON has more. */
const PRINTED = 20;

/** A report as lines for a reader. */
export function formatReport(report: TrainingSetReport | PairSetReport): string {
  const lines = [`${report.path}: a ${report.kind}`];
  const row = (name: string, value: string | number) => lines.push(`  ${name.padEnd(18)} ${value}`);
  row("images", report.images);
  if (report.kind === "pair set") {
    row("pairs", `${report.pairs}: ${report.same} same, ${report.different} different`);
  } else {
    const { used, empty, min, median, max, histogram } = report.imagesPerClass;
    row("classes", `${report.classes}${empty > 0 ? `, ${empty} of them without images` : ""}`);
    if (used > 0) {
      row("images per class", `${min} min, ${median} median, ${max} max`);
      const most = Math.max(...histogram.map((bin) => bin.classes));
      for (const { from, to, classes } of histogram) {
        const range = from === to ? `${from}` : `${from}-${to}`;
        row("", `${range.padStart(12)} ${"#".repeat(Math.ceil(classes / most * 30)).padEnd(30)} ${classes}`);
      }
    }
    if (report.propertySize) row("property says", `${report.propertySize.height}x${report.propertySize.width}`);
    row("bad labels", report.badLabels);
    lines.push(...named(report.badLabelImages, report.badLabels));
  }
  row("sizes", report.sizes.map(({ height, width, images }) => `${height}x${width} (${images})`).join(", ") || "none");
  row("corrupt", report.corrupt);
  lines.push(...named(report.corruptImages, report.corrupt));
  return lines.join("\n");
}

function named(images: BadImage[], count: number): string[] {
  const lines = images.slice(0, PRINTED).map(({ name, reason }) => `    ${name}: ${reason}`);
  if (count > PRINTED) lines.push(`    … and ${count - PRINTED} more`);
  return lines;
}
