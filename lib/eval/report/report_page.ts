import { escapeHtml, type HtmlCell, htmlFacts, htmlPage, htmlTable } from "../html_page.ts";
import type { Interval } from "../pair_bootstrap.ts";
import { rocPlot } from "../roc_plot.ts";
import type { ErrorPictures } from "./error_pictures.ts";
import type { PairErrors } from "./hardest_errors.ts";
import type { PairReport, ReportedSet } from "./pair_report.ts";
import { histogramPlot, type HistogramPlotOptions } from "./similarity_histogram.ts";

/** Pixels of the plots on a broad and on a narrow page: letters keep their size. */
const PLOTS = { broad: 1000, narrow: 360 };

const percent = (value: number) => (100 * value).toFixed(2);
const range = ([low, high]: Interval) => `${percent(low)} – ${percent(high)}`;
const small = (value: number) => value >= 1e-3 || value === 0 ? value.toPrecision(2) : value.toExponential(1);
const rate = (value: number) => value >= 0.01 ? String(value) : value.toExponential();

/** Size and title of a plot. */
type PlotLook = Pick<HistogramPlotOptions, "title" | "width" | "height">;

/** The ROC curves of a report's sets as an SVG picture. */
export function reportRoc({ sets }: Pick<PairReport, "sets">, look: PlotLook = {}): string {
  const least = Math.min(...sets.map(({ roc }) => roc[0][0]));
  return rocPlot(sets.map(({ name, roc }) => ({ name, points: roc })), { least, ...look });
}

/** The histogram of one of a report's sets as an SVG picture, with the threshold to deploy. */
export function reportHistogram(
  { sets, rows }: Pick<PairReport, "sets" | "rows">,
  s: number,
  look: PlotLook = {},
): string {
  const { threshold, fprTarget } = rows[s].deploy;
  const mark = { similarity: threshold, name: `threshold at FPR ${rate(fprTarget)}: ${threshold.toFixed(4)}` };
  return histogramPlot(sets[s].histogram, { mark, ...look });
}

/** A report as a page in one file: tables, plots, and the hardest errors with their images. */
export function reportPage(report: PairReport, pictures: readonly ErrorPictures[]): string {
  const { model, sets, made, program, leftOut } = report;
  const contents = [["figures", "Figures"], ["roc", "ROC"], ["thresholds", "Thresholds"]];
  sets.forEach(({ name }, s) => contents.push([`set-${s}`, name]));
  contents.push(["options", "Options and model"], ["terms", "Terms"]);
  const links = contents.map(([id, name]) => `<li><a href="#${id}">${escapeHtml(name)}</a></li>`).join("");
  return htmlPage(
    "Verification report",
    `<p>${escapeHtml(modelName(report))}<br><span class="note"><code>${escapeHtml(model.path)}</code></span></p>
${headline(report)}
${omissions(leftOut)}
<nav aria-label="Contents"><ul>${links}</ul></nav>
<h2 id="figures">Figures</h2>
${figures(report)}
<h2 id="roc">ROC</h2>
${roc(report)}
<h2 id="thresholds">Thresholds to deploy</h2>
${thresholds(report)}
${sets.map((_, s) => setSection(report, s, pictures[s])).join("\n")}
<h2 id="options">Options and model</h2>
${options(report)}
<h2 id="terms">Terms</h2>
${TERMS}
<p class="note">Made by ${escapeHtml(program)} on <time datetime="${escapeHtml(made)}">${
      escapeHtml(made.slice(0, 16).replace("T", " "))
    } UTC</time>. report.json has the same numbers, in shares of 1.</p>`,
  );
}

function modelName({ model: { network, width, imageSize, embeddingSize } }: PairReport): string {
  const channels = width === 1 ? "" : `, width ${width}`;
  return `${network}${channels}, images of ${imageSize} x ${imageSize}, embeddings of ${embeddingSize} numbers`;
}

/** Sets that could not be used. */
function omissions(leftOut: readonly string[]): string {
  if (leftOut.length === 0) return "";
  const what = leftOut.length === 1 ? "1 set is left out" : `${leftOut.length} sets are left out`;
  const list = leftOut.map((reason) => `<li>${escapeHtml(reason)}</li>`).join("");
  return `<details><summary>${what}</summary><ul>${list}</ul></details>`;
}

/** What one looks for first. */
function headline({ rows, sets }: PairReport): string {
  const whole = rows[rows.length - 1];
  const wrong = sets.reduce((sum, { errors }) => sum + errors.falseAccepts.count + errors.falseRejects.count, 0);
  const mean = sets.length > 1 ? `, mean of ${sets.length} sets` : "";
  const items = [
    [`${percent(whole.accuracy)} %`, `accuracy${mean}`],
    [`${percent(whole.val)} %`, `VAL at FAR ${rate(whole.farTarget)}${mean}`],
    [`${percent(whole.eer)} %`, `equal error rate${mean}`],
    [`${wrong} of ${whole.pairs}`, "pairs told wrong"],
  ];
  const list = items.map(([value, name]) => `<li><strong>${escapeHtml(value)}</strong>${escapeHtml(name)}</li>`);
  return `<ul class="headline">${list.join("")}</ul>`;
}

function figures({ rows, options }: PairReport): string {
  const head = ["set", "pairs", "accuracy %", `VAL % @FAR ${rate(rows[0].farTarget)}`, "AUC %", "EER %"];
  const cells = rows.map(({ set, pairs, accuracy, accuracyStd, val, valStd, auc, eer, intervals }): HtmlCell[] => {
    const spread = (value: number, std?: number) => percent(value) + (std === undefined ? "" : ` ± ${percent(std)}`);
    return [
      set,
      String(pairs),
      [spread(accuracy, accuracyStd), range(intervals.accuracy)],
      [spread(val, valStd), range(intervals.val)],
      [percent(auc), range(intervals.auc)],
      [percent(eer), range(intervals.eer)],
    ];
  });
  const { folds, resamples } = options;
  return `${htmlTable(head, cells, { caption: "Figures of each set", id: "figures-table", total: rows.length > 1 })}
<p class="note">± is the standard deviation over the ${
    escapeHtml(String(folds))
  } folds; below each figure is its 95 % interval, of ${escapeHtml(String(resamples))} resamples of the pairs.</p>`;
}

function roc(report: PairReport): string {
  const { sets } = report;
  const rates = [...new Set(sets.flatMap(({ tprAtFpr }) => tprAtFpr.map(({ fpr }) => fpr)))].sort((a, b) => a - b);
  const rows = sets.map(({ name, tprAtFpr }) => [
    name,
    ...rates.map((wanted) => {
      const found = tprAtFpr.find(({ fpr }) => fpr === wanted);
      return found === undefined ? "–" : percent(found.tpr);
    }),
  ]);
  const caption = "True positive rate, %, at a false positive rate";
  const table = rates.length === 0 ? "" : htmlTable(["set", ...rates.map(rate)], rows, { caption, id: "roc-table" });
  return `${
    plots(`ROC curves of ${sets.map(({ name }) => name).join(", ")}`, {
      broad: reportRoc(report, { width: PLOTS.broad, height: 440 }),
      narrow: reportRoc(report, { width: PLOTS.narrow, height: 340 }),
    })
  }
${table}
<p class="note">Rates that a set has too few pairs of two people for are left open (–).</p>`;
}

function thresholds({ rows }: PairReport): string {
  const { fprTarget } = rows[0].deploy;
  const cells = rows.map(({ deploy: { set, threshold, thresholdInterval: [low, high], fpr, tpr } }): HtmlCell[] => [
    set,
    [threshold.toFixed(4), `${low.toFixed(4)} – ${high.toFixed(4)}`],
    [`${fpr.accepted} of ${fpr.of}`, fpr.interval.map(small).join(" – ")],
    [percent(tpr.rate), range(tpr.interval)],
  ]);
  const weak = rows.filter(({ deploy }) => !deploy.resolved).map(({ deploy: { set, fpr } }) => `${set} (${fpr.of})`);
  const head = ["set", "similarity", "false accepts", "TPR %"];
  const caption = `Threshold for a false positive rate of ${rate(fprTarget)}`;
  return `${htmlTable(head, cells, { caption, id: "thresholds-table", total: rows.length > 1 })}
<p class="note">Two images count as one person from this cosine similarity on. False accepts and true positive rate are those of each fold at the threshold
of the other folds: what to expect of pairs that had no part in choosing it. Below each number is its 95 % interval.</p>${
    weak.length === 0
      ? ""
      : `\n<p><strong>Too few pairs of two people</strong> to tell a rate of ${rate(fprTarget)}, which takes ${
        Math.ceil(1 / fprTarget - 1e-9)
      }: ${escapeHtml(weak.join(", "))}.</p>`
  }`;
}

function setSection(report: PairReport, s: number, pictures: ErrorPictures): string {
  const set = report.sets[s];
  const { name, pairs, same, thresholds: [low, high], errors: { falseAccepts, falseRejects } } = set;
  const between = low === high ? low.toFixed(2) : `${low.toFixed(2)} to ${high.toFixed(2)}`;
  return `<section aria-labelledby="set-${s}"><h2 id="set-${s}">${escapeHtml(name)}</h2>
<p>${pairs} pairs, ${same} of one person and ${pairs - same} of two. The folds accept distances below ${between}; so
${falseAccepts.count} of two people are accepted and ${falseRejects.count} of one are refused.</p>
${
    plots(`Similarities of the pairs of ${name}, of one person and of two people`, {
      broad: reportHistogram(report, s, { width: PLOTS.broad, height: 320 }),
      narrow: reportHistogram(report, s, { width: PLOTS.narrow, height: 280 }),
    })
  }
<h3>Hardest false accepts: two people, told to be one</h3>
${errorList(set, "accepts", falseAccepts, pictures)}
<h3>Hardest false rejects: one person, told to be two</h3>
${errorList(set, "rejects", falseRejects, pictures)}
</section>`;
}

function errorList(
  { name }: ReportedSet,
  kind: "accepts" | "rejects",
  { count, of, hardest }: PairErrors,
  pictures: ErrorPictures,
): string {
  if (count === 0) return `<p class="note">None among ${of} pairs.</p>`;
  if (hardest.length === 0) return `<p class="note">${count} of ${of} pairs; none is shown.</p>`;
  const people = kind === "accepts" ? "of two people" : "of one person";
  const items = hardest.map(({ pair, fold, similarity, distance, threshold }) => {
    const images = [0, 1].map((place) => {
      const alt = `${place === 0 ? "First" : "Second"} image of pair ${pair} of ${name}, ${people}`;
      return `<img src="${escapeHtml(pictures.get(2 * pair + place) ?? "data:,")}" alt="${escapeHtml(alt)}">`;
    });
    return `<li><figure><div>${images.join("")}</div><figcaption>pair ${pair}: similarity ${similarity.toFixed(4)}<br>
<span class="note">distance ${distance.toFixed(4)}, fold ${fold + 1} accepts below ${
      threshold.toFixed(2)
    }</span></figcaption></figure></li>`;
  });
  return `<p class="note">${
    count > hardest.length ? `The ${hardest.length} hardest of ${count}` : `All ${count}`
  }, of ${of} pairs. Pair k is images 2k and 2k + 1 of the set, from 0.</p>
<ul class="errors ${kind}">
${items.join("\n")}
</ul>`;
}

function options({ options, model, training, sets }: PairReport): string {
  const { path, bytes, sha256, written, network, parameters, width, imageSize, embeddingSize } = model;
  const facts: [string, string][] = [
    ["file", path],
    ["size", `${bytes} bytes`],
    ["SHA-256", sha256],
    ["written", written === undefined ? "not known" : `${written.slice(0, 19).replace("T", " ")} UTC`],
    ["network", network],
    ["parameters", String(parameters)],
    ["width", String(width)],
    ["image size", String(imageSize)],
    ["embedding size", String(embeddingSize)],
  ];
  const named = (values: Readonly<Record<string, unknown>>) =>
    Object.entries(values).filter(([, value]) => value !== undefined).map(([name, value]) =>
      [flagName(name), optionText(value)] as const
    );
  const trained = training === undefined ? "" : `<h3>Training</h3>
<details><summary>Options of the run that trained the model</summary>
${htmlFacts(named(training), "training-table")}
</details>`;
  return `<h3>Verification</h3>
${htmlFacts([...named(options), ["sets", sets.map(({ path }) => path).join(", ")]], "options-table")}
<h3>Model</h3>
${htmlFacts(facts, "model-table")}
${trained}`;
}

/** `batchSize` as a command line has it: `batch-size`. */
function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

function optionText(value: unknown): string {
  if (Array.isArray(value)) return value.map(optionText).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

/** The same plot twice: CSS shows the one that fits. */
function plots(label: string, { broad, narrow }: { broad: string; narrow: string }): string {
  return Object.entries({ broad, narrow }).map(([kind, svg]) =>
    `<div class="plot ${kind}" role="img" aria-label="${escapeHtml(label)}">${svg.trimEnd()}</div>`
  ).join("\n");
}

const TERMS = `<dl>
<dt>Similarity</dt><dd>The cosine between two embeddings: 1 for an image and itself.</dd>
<dt>Distance</dt><dd>What the accuracy is made on: the angle between two embeddings over pi (cosine), or the squared length of the difference of their
directions (euclidean).</dd>
<dt>Accuracy</dt><dd>The share of pairs told right, mean of the folds. The threshold of each fold is the one that is best on the other folds.</dd>
<dt>VAL at FAR</dt><dd>The share of pairs of one person that are accepted, at the threshold at which the other folds accept this share of pairs of two.</dd>
<dt>AUC</dt><dd>The area under the ROC curve: how often a pair of one person is more alike than a pair of two.</dd>
<dt>EER</dt><dd>The rate at which as large a share of one kind is wrongly refused as of the other is wrongly accepted.</dd>
<dt>False positive rate, true positive rate</dt><dd>The share of pairs of two people, and of one, that are accepted.</dd>
</dl>`;
