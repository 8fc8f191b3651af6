import assert from "node:assert/strict";
import { writePairSet } from "../../lib/data/pair_set.ts";
import type { PairReport } from "../../lib/eval/report/pair_report.ts";
import { asTensorData, modelMetadata } from "../../lib/model/model_file.ts";
import { writeSafetensors } from "../../lib/model/safetensors.ts";
import { findChromium, withPage } from "../examples/chromium.ts";
import { randomModel } from "../model/random_model.ts";
import { withFolder } from "../temporary_folder.ts";
import { tinyImages } from "../train/tiny_run.ts";
import { refused, run } from "./run_command.ts";

/** Two sets, one of a hostile name, and a model in a run's folder. */
async function withSets(work: (folder: string, model: string) => void | Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const images = await tinyImages(40);
    const same = Array.from({ length: 20 }, (_, i) => i % 2 === 0);
    // of one person: images of one colour; of two: every fifth pair too, so that some is wrong whatever the model
    const paired = same.flatMap((isSame, i) => [images[i], images[i + (isSame || i % 5 === 0 ? 4 : 1)]]);
    Deno.mkdirSync(`${folder}/sets`);
    writePairSet(`${folder}/sets/a &amp; <b>.bin`, { images: paired, same });
    writePairSet(`${folder}/sets/two.bin`, { images: paired.toReversed(), same: same.toReversed() });
    writePairSet(`${folder}/sets/alike.bin`, { images: paired, same: same.map(() => true) });
    Deno.mkdirSync(`${folder}/run`);
    const stored = randomModel({ model: "iresnet18", width: 1 / 16, imageSize: 16, embeddingSize: 16 });
    writeSafetensors(`${folder}/run/best_iresnet18.safetensors`, asTensorData(stored.state), modelMetadata(stored));
    Deno.writeTextFileSync(`${folder}/run/hparam.yaml`, "model: iresnet18\nbatch-size: 24\n");
    await work(folder, `${folder}/run`);
  });
}

const report = (...args: string[]) => run("verify", "report", "--batch-size", "4", "--resamples", "100", ...args);

Deno.test("verify report writes what verify pairs prints, and says mistakes in one line", () =>
  withSets((folder, model) => {
    const given = ["--model", model, "--data", `${folder}/sets`];
    const made = report(...given, "--out", `${folder}/out/`, "--threshold-at-fpr", "0.2", "--flip", "--errors", "2");
    assert.equal(made.code, 0, made.error);
    assert.match(made.error, /^warning: .*alike\.bin: expected pairs of one person and of two.*; left out\n$/);
    assert.match(made.out, /│ two +│ +20 │[^]*mean[^]*out\/report\.html\n.*report\.json\n.*roc\.svg\n.*roc\.png\n/);
    const found: PairReport = JSON.parse(Deno.readTextFileSync(`${folder}/out/report.json`));
    const pairs = run(
      ...["verify", "pairs", ...given, "--batch-size", "4", "--resamples", "100", "--flip"] as const,
      ...["--threshold-at-fpr", "0.2", "--json"],
    );
    assert.deepEqual(found.rows, pairs.out.trimEnd().split("\n").map((line) => JSON.parse(line)));
    assert.deepEqual(found.sets.map(({ name }) => name), ["a &amp; <b>", "two"]);
    assert.match(found.leftOut.join(), /alike\.bin/);
    assert.deepEqual([found.options.flip, found.options.thresholdAtFpr, found.training?.batchSize], [true, 0.2, 24]);
    assert.equal(found.model.bytes, Deno.statSync(found.model.path).size);
    assert.match(found.model.sha256, /^[0-9a-f]{64}$/);

    refused(
      report(...given, "--out", `${folder}/out`),
      /found .*out\/report\.html; choose another folder or give --force/,
    );
    refused(report(...given), /required option '--out <folder>' not specified/);
    refused(report(...given, "--out", `${folder}/x`, "--errors", "-1"), /--errors.*whole number of at least 0/);
    refused(report(...given, "--out", `${folder}/x`, "--threshold-at-fpr", "0"), /rate between 0 and 1/);
    refused(report("--model", `${folder}/none`, "--data", folder, "--out", `${folder}/x`), /none: .* found nothing/);
    Deno.removeSync(`${folder}/sets/alike.bin`);
    refused(report(...given, "--out", `${folder}/run/hparam.yaml`), /hparam\.yaml: .*(exists already|is a file)/);
    Deno.writeTextFileSync(`${folder}/run/hparam.yaml`, "batch-size: many\n");
    const again = report(...given, "--out", `${folder}/out`, "--force");
    assert.equal(again.code, 0, again.error);
    assert.match(again.error, /^warning: .*hparam\.yaml.*; the report is without the options of the training\n$/);
    assert.equal(JSON.parse(Deno.readTextFileSync(`${folder}/out/report.json`)).training, undefined);
  }));

const chromium = findChromium();

Deno.test({
  name: `the page of verify report shows the numbers of its JSON${chromium ? "" : " SKIPPED: no Chromium"}`,
  ignore: !chromium,
  fn: () =>
    withSets(async (folder, model) => {
      const made = report("--model", model, "--data", `${folder}/sets`, "--out", `${folder}/out`, "--errors", "3");
      assert.equal(made.code, 0, made.error);
      const { rows, sets, model: facts }: PairReport = JSON.parse(Deno.readTextFileSync(`${folder}/out/report.json`));
      await withPage(chromium!, `file://${folder}/out/report.html`, async ({ evaluate, until, resize, errors }) => {
        await until(`document.readyState === "complete"`, 20_000);
        const cells = (id: string) =>
          evaluate<string[][]>(
            `[...document.querySelectorAll("#${id} tbody tr")].map((row) => [...row.cells].map((cell) => cell.innerText))`,
          );
        const share = (value: number) => (100 * value).toFixed(2);
        const interval = ([low, high]: readonly [number, number]) => `${share(low)} – ${share(high)}`;
        const spread = (value: number, std?: number) => share(value) + (std === undefined ? "" : ` ± ${share(std)}`);
        assert.deepEqual(
          await cells("figures-table"),
          rows.map(({ set, pairs, accuracy, accuracyStd, val, valStd, auc, eer, intervals }) => [
            set,
            String(pairs),
            `${spread(accuracy, accuracyStd)}\n${interval(intervals.accuracy)}`,
            `${spread(val, valStd)}\n${interval(intervals.val)}`,
            `${share(auc)}\n${interval(intervals.auc)}`,
            `${share(eer)}\n${interval(intervals.eer)}`,
          ]),
        );
        const thresholds = await cells("thresholds-table");
        assert.deepEqual(
          thresholds.map((
            [set, threshold, accepts, tpr],
          ) => [set, threshold.split("\n")[0], accepts.split("\n")[0], tpr]),
          rows.map(({ deploy: { set, threshold, fpr, tpr } }) => [
            set,
            threshold.toFixed(4),
            `${fpr.accepted} of ${fpr.of}`,
            `${share(tpr.rate)}\n${interval(tpr.interval)}`,
          ]),
        );
        assert.deepEqual(
          await cells("roc-table"),
          sets.map(({ name, tprAtFpr }) => [name, ...tprAtFpr.map(({ tpr }) => share(tpr))]),
        );
        const shown = Object.fromEntries(await cells("model-table"));
        assert.deepEqual([shown["SHA-256"], shown.size], [facts.sha256, `${facts.bytes} bytes`]);
        for (const kind of ["accepts", "rejects"] as const) {
          const captions = await evaluate<string[]>(
            `[...document.querySelectorAll(".errors.${kind} figcaption")].map(({ innerText }) => innerText.split("\\n")[0])`,
          );
          const hardest = sets.flatMap(({ errors }) =>
            errors[kind === "accepts" ? "falseAccepts" : "falseRejects"].hardest
          );
          assert.deepEqual(
            captions,
            hardest.map(({ pair, similarity }) => `pair ${pair}: similarity ${similarity.toFixed(4)}`),
          );
          assert.ok(kind === "rejects" || captions.length > 0);
        }
        const images = await evaluate<[number, number]>(
          `[document.images.length, [...document.images].filter(({ naturalWidth }) => naturalWidth === 16).length]`,
        );
        assert.ok(images[0] > 0 && images[0] === images[1], `${images}`);
        for (const [width, kind] of [[1200, "broad"], [390, "narrow"]] as const) {
          await resize(width, 900);
          const [within, plots] = await evaluate<[boolean, string[]]>(
            `[document.documentElement.scrollWidth <= innerWidth, [...document.querySelectorAll(".plot")]
              .filter((plot) => plot.getBoundingClientRect().height > 200).map(({ className }) => className)]`,
          );
          assert.ok(within, `the page fits into ${width} pixels`);
          assert.deepEqual(plots, new Array(1 + sets.length).fill(`plot ${kind}`));
        }
        assert.deepEqual(errors, []);
        // nothing goes out, even if something on the page wanted to
        assert.equal(
          await evaluate(`performance.getEntriesByType("resource").filter(({ name }) => !/^data:/.test(name)).length`),
          0,
        );
        assert.equal(await evaluate(`fetch("http://127.0.0.1:9/").then(() => "sent", () => "refused")`), "refused");
        for (let i = 0; i < 100 && errors.length === 0; i++) await new Promise((go) => setTimeout(go, 50));
        assert.match(errors.join(), /Content Security Policy/);
      });
    }),
});
