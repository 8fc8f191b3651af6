import assert from "node:assert/strict";
import { createCodec } from "../../../lib/data/image_codec.ts";
import { decodePng, encodePng } from "../../../lib/data/png.ts";
import { analysisRows } from "../../../lib/eval/analysis_tables.ts";
import { deployThresholds } from "../../../lib/eval/deploy_threshold.ts";
import { type ErrorPictures, errorPictures } from "../../../lib/eval/report/error_pictures.ts";
import { type PairReport, pairReport } from "../../../lib/eval/report/pair_report.ts";
import { reportPage } from "../../../lib/eval/report/report_page.ts";
import { checkReportFolder, writePairReport } from "../../../lib/eval/report/write_pair_report.ts";
import { withFolder } from "../../temporary_folder.ts";
import { randomAnalysis } from "./random_analysis.ts";

const EVIL = `<img src=x onerror="alert('1')">&`;
const MODEL = {
  path: "runs/best.safetensors",
  bytes: 12,
  sha256: "ab".repeat(32),
  network: "iresnet18",
  parameters: 7,
  width: 0.25,
  imageSize: 32,
  embeddingSize: 8,
};
const FACTS = { program: "centerbias 0", model: MODEL, options: { flip: true, folds: 10, resamples: 100 } };
const analyses = [randomAnalysis("lfw", 251), randomAnalysis("small", 60)];

/** An image of one colour, told by the red of its first pixel. */
const image = (i: number) => {
  const pixels = new Uint8Array(12 * 8 * 3).fill(i % 200);
  return encodePng({ width: 12, height: 8, pixels });
};
const sets = analyses.map(({ path }) => ({ path, image }));

Deno.test("pairReport() has the figures of the analyses, and rates as counted pair by pair", () => {
  const report = pairReport(analyses, { ...FACTS, made: new Date("2026-01-02T03:04:05Z"), leftOut: ["one"] }, {
    thresholdAtFpr: 0.05,
    errors: 3,
    resamples: 100,
  });
  assert.deepEqual([report.made, report.leftOut, report.model], ["2026-01-02T03:04:05.000Z", ["one"], MODEL]);
  const deploys = deployThresholds(analyses, 0.05, { resamples: 100 });
  assert.deepEqual(report.rows, analysisRows(analyses, { deploys }));
  assert.deepEqual(report.rows.map(({ set, deploy }) => [set, deploy.set]), [["lfw", "lfw"], ["small", "small"], [
    "mean",
    "all",
  ]]);
  for (const [s, set] of report.sets.entries()) {
    const { protocol: { distances, same }, result } = analyses[s];
    const of = (kind: boolean) => distances.filter((_, k) => same[k] === kind);
    const [own, other] = [of(true), of(false)];
    assert.deepEqual([set.pairs, set.same, own.length], [result.pairs, result.same, result.same]);
    assert.deepEqual(set.tprAtFpr.map(({ fpr }) => fpr), s === 0 ? [1e-2, 1e-1] : [1e-1]);
    for (const { fpr, tpr } of set.tprAtFpr) {
      const share = (kind: Float64Array, threshold: number) =>
        kind.filter((distance) => distance <= threshold).length / kind.length;
      const best = Math.max(...[...distances].filter((at) => share(other, at) <= fpr).map((at) => share(own, at)));
      assert.equal(tpr, best);
      const drawn = set.roc.findLast(([x]) => x <= fpr * (1 + 1e-9))!;
      assert.equal(drawn[1], best);
    }
    const folds = result.folds.map(({ threshold }) => threshold);
    assert.deepEqual(set.thresholds, [Math.min(...folds), Math.max(...folds)]);
    assert.equal(set.errors.falseAccepts.hardest.length, Math.min(3, set.errors.falseAccepts.count));
  }
  // JSON loses nothing
  assert.deepEqual(JSON.parse(JSON.stringify(report)).sets, report.sets);
});

/** A report whose every text from a file or the command line is hostile. */
function hostile(): PairReport {
  const report = pairReport([{ ...analyses[0], name: EVIL, path: `${EVIL}.bin` }, analyses[1]], {
    program: EVIL,
    model: { ...MODEL, path: EVIL, sha256: EVIL, network: EVIL, written: EVIL },
    options: { data: [EVIL], [EVIL]: EVIL, nested: { [EVIL]: EVIL } },
    training: { [EVIL]: EVIL, lrMilestones: [8, 16] },
    leftOut: [EVIL],
  }, { errors: 2, resamples: 100 });
  return { ...report, made: EVIL };
}

Deno.test("reportPage() escapes what comes from elsewhere, loads nothing and runs nothing", async () => {
  const report = hostile();
  const page = reportPage(report, await errorPictures(sets, report.sets));
  assert.doesNotMatch(page, /<img src=x|<script|onerror="|javascript:/);
  assert.ok(page.split("&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;").length > 20);
  assert.match(
    page,
    /<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:;/,
  );
  // the only addresses are places on the page, data, and the name of SVG
  const addresses = [...page.matchAll(/(?:src|href)\s*=\s*"([^"]*)"|url\(([^)]*)\)|(https?:[^"\s<]*)/g)]
    .map(([, attribute, url, other]) => attribute ?? url ?? other);
  assert.ok(addresses.length > 10);
  for (const address of addresses) {
    assert.match(address, /^(#[a-z0-9-]+|data:(,|image\/jpeg;base64,[\w+/=]+)|http:\/\/www\.w3\.org\/2000\/svg)$/);
  }
  // every place that is linked to is there once; so is every name
  const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, id] of page.matchAll(/href="#([^"]*)"/g)) assert.ok(ids.includes(id), id);
  assert.equal(page.match(/<img [^>]*alt="[^"]+"/g)!.length, page.match(/<img /g)!.length);
  assert.match(page, /lr-milestones<\/th><td>8, 16</);
});

Deno.test("reportPage() says so where nothing is wrong or shown, of one set too", () => {
  const [analysis] = analyses;
  const report = pairReport([analysis], FACTS, { errors: 0, resamples: 100 });
  const none = { count: 0, of: 4, hardest: [] };
  const [set] = report.sets;
  const right = { ...report, sets: [{ ...set, errors: { ...set.errors, falseAccepts: none } }] };
  const page = reportPage(right, [new Map()]);
  assert.match(page, /None among 4 pairs\.[^]*pairs; none is shown\./);
  assert.doesNotMatch(page, /<img|, mean of \d|class="total"|left out<|Training/);
  assert.match(page, /Too few pairs of two people<\/strong> to tell a rate of 1e-3, which takes 1000: lfw \(\d+\)\./);
});

Deno.test("errorPictures() are the images of the pairs, square, and nothing else of their files", async () => {
  using codec = await createCodec("wasm");
  const report = pairReport(analyses, FACTS, { errors: 2, resamples: 100 });
  const secret = new TextEncoder().encode("where it was taken");
  const large = { width: 500, height: 400, pixels: new Uint8Array(500 * 400 * 3).fill(90) };
  const withSecret = {
    path: "lfw.bin",
    image: (i: number) => Uint8Array.of(...(i % 2 ? image(i) : codec.encodeJpeg(large)), ...secret),
  };
  const [first, second] = await errorPictures([withSecret, sets[1]], report.sets);
  const wanted = ({ errors: { falseAccepts, falseRejects } }: PairReport["sets"][number]) =>
    [...falseAccepts.hardest, ...falseRejects.hardest].flatMap(({ pair }) => [2 * pair, 2 * pair + 1]).sort();
  const bytesOf = (pictures: ErrorPictures, i: number) =>
    Uint8Array.from(atob(pictures.get(i)!.split(",")[1]), (letter) => letter.charCodeAt(0));
  assert.deepEqual([[...first.keys()].sort(), [...second.keys()].sort()], report.sets.map(wanted));
  for (const i of first.keys()) {
    const bytes = bytesOf(first, i);
    assert.ok(!new TextDecoder("latin1").decode(bytes).includes("where it was taken"));
    const { width, height, pixels } = codec.decode(bytes);
    assert.deepEqual([width, height], i % 2 ? [12, 12] : [224, 224]);
    assert.ok(Math.abs(pixels[0] - (i % 2 ? i % 200 : 90)) <= 2);
  }
  await assert.rejects(
    errorPictures([{ path: "lfw.bin", image: () => secret }, sets[1]], report.sets),
    /Cannot show image \d+ of lfw\.bin: Cannot decode image: expected a JPEG or PNG/,
  );
});

Deno.test("writePairReport() writes page, numbers and plots, over an earlier report with force alone", () =>
  withFolder(async (folder) => {
    // two sets of one name, of two folders
    const report = pairReport([analyses[0], { ...analyses[1], name: "LFW" }], FACTS, { errors: 1, resamples: 100 });
    const out = `${folder}/a/b`;
    const files = await writePairReport(`${out}/`, report, sets);
    assert.deepEqual(
      [files.page, files.json, ...files.plots].map((path) => path.slice(out.length + 1)),
      ["report.html", "report.json", "roc.svg", "roc.png", "histogram-lfw.svg", "histogram-lfw.png"].concat(
        ["histogram-LFW-2.svg", "histogram-LFW-2.png"],
      ),
    );
    assert.deepEqual([...Deno.readDirSync(out)].length, 8);
    assert.deepEqual(JSON.parse(Deno.readTextFileSync(files.json)), JSON.parse(JSON.stringify(report)));
    for (const path of files.plots) {
      if (path.endsWith(".svg")) assert.match(Deno.readTextFileSync(path), /^<svg [^]*<\/svg>\n$/);
      else assert.equal(decodePng(Deno.readFileSync(path)).width, 1400);
    }
    assert.throws(() => checkReportFolder(out), /found .*b\/report\.html; choose another folder or give --force/);
    await assert.rejects(writePairReport(out, report, sets), /give --force to replace it/);
    await writePairReport(out, { ...report, made: "later" }, sets, { force: true });
    assert.equal(JSON.parse(Deno.readTextFileSync(files.json)).made, "later");
    checkReportFolder(folder);
  }));
