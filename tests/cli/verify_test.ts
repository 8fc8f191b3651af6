import assert from "node:assert/strict";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { asTensorData, modelMetadata, writeModel } from "../../lib/model/model_file.ts";
import { readModel } from "../../lib/model/read_model.ts";
import { writeSafetensors } from "../../lib/model/safetensors.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { withFolder } from "../temporary_folder.ts";
import { tinyImages } from "../train/tiny_run.ts";
import { refused, run } from "./run_command.ts";

const verify = (...args: string[]) => run("verify", ...args);

Deno.test("verify pairs prints the table or JSON lines, and says mistakes in one line", () =>
  withFolder(async (folder) => {
    const images = await tinyImages(24);
    const same = Array.from({ length: 12 }, (_, i) => i % 2 === 0);
    // Every second pair is an image and itself: no model gets those wrong.
    const paired = same.flatMap((isSame, i) => [images[i], images[isSame ? i : i + 1]]);
    writePairSet(`${folder}/one.bin`, { images: paired, same });
    writePairSet(`${folder}/two.bin`, { images: paired.slice().reverse(), same: same.slice().reverse() });
    const gpu = await startWebGPU();
    const backbone = createBackbone(gpu, "iresnet18", { width: 0.0625, imageSize: 16, embeddingSize: 16 });
    const model = `${folder}/run/best_iresnet18.safetensors`;
    Deno.mkdirSync(`${folder}/run`);
    Deno.mkdirSync(`${folder}/empty`);
    writeModel(model, backbone, await backbone.parameters.state());
    backbone.dispose();
    const pairs = (...args: string[]) => verify("pairs", "--model", `${folder}/run`, "--batch-size", "4", ...args);

    const table = pairs("--data", folder);
    assert.deepEqual([table.code, table.error], [0, ""]);
    assert.match(table.out, new RegExp(`^${model}, distance cosine, 10 folds\\n┌`));
    assert.match(table.out, /│ one +│ +12 │.*\n.*\n│ two +│ +12 │.*\n.*\n│ mean +│ +24 │/);

    const json = pairs("--data", `${folder}/one.bin`, "--json", "--flip", "--distance", "euclidean", "--folds", "3");
    assert.deepEqual([json.code, json.error], [0, ""]);
    const row = JSON.parse(json.out);
    assert.deepEqual([row.set, row.pairs, row.farTarget], ["one", 12, 0.001]);
    assert.ok(row.auc === 1 && row.accuracy > 0.5 && row.accuracy <= 1);

    assert.deepEqual([row.intervals.auc, "comparison" in row, "deploy" in row], [[1, 1], false, false]);

    const all = pairs(...["--data", folder, "--compare", model, "--threshold-at-fpr", "0.2", "--pca", "2"], "--json");
    assert.deepEqual([all.code, all.error], [0, ""]);
    const rows = all.out.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(rows.map((one) => one.set), ["one", "two", "mean"]);
    assert.deepEqual(rows.map((one) => one.comparison.difference), [0, 0, 0]); // the model is compared with itself
    assert.deepEqual(rows.map((one) => one.deploy.fpr.of), [6, 6, 12]);
    const told = pairs("--data", folder, "--compare", model, "--threshold-at-fpr", "1e-4", "--resamples", "100");
    assert.deepEqual([told.code, told.error], [0, ""]);
    assert.match(
      told.out,
      /\n100 resamples of the pairs\n\nthe other is .*\n┌[^]*McNemar p[^]*too few pairs of two people/,
    );

    refused(pairs("--data", folder, "--pca", "99"), /one\.bin: expected 1 to 16 principal axes .* found 99/);
    refused(pairs("--data", folder, "--threshold-at-fpr", "2"), /--threshold-at-fpr.*between 0 and 1/);
    refused(pairs("--data", folder, "--compare", `${folder}/none`), /none: .* found nothing there/);
    writePairSet(`${folder}/run/alike.bin`, { images: paired, same: same.map(() => true) });
    refused(
      pairs("--data", `${folder}/run/alike.bin`),
      /alike\.bin: expected pairs of one person and of two, found 12 and 0/,
    );
    refused(
      pairs("--data", `${folder}/none.bin`),
      /none\.bin: expected a \.bin file or a folder of them, found nothing/,
    );
    refused(
      pairs("--data", folder + "/empty"),
      /Cannot open verification sets in .*empty: expected \.bin files, found none/,
    );
    refused(pairs("--data", folder, "--folds", "13"), /one\.bin: expected at least 13 pairs for 13 folds, found 12/);
    refused(pairs("--data", folder, "--folds", "1"), /--folds.*whole number of at least 2/);
    refused(pairs("--data", folder, "--distance", "cos"), /--distance.*cosine, euclidean/);
    refused(pairs("--data", folder, "--jsn"), /unknown option '--jsn' \(Did you mean --json\?\)/);
    refused(verify("pairs", "--data", folder), /required option '--model <path>' not specified/);
    refused(verify("pairs", "--model", `${folder}/two.bin`, "--data", folder), /two\.bin: /);
    refused(verify("pairs", "--model", `${folder}/none`, "--data", folder), /none: .* found nothing there/);
    const stored = readModel(model);
    stored.state.get("features.bias")!.data.fill(NaN);
    const broken = `${folder}/broken.safetensors`;
    writeSafetensors(broken, asTensorData(stored.state), modelMetadata(stored));
    refused(
      verify("pairs", "--model", broken, "--data", `${folder}/one.bin`),
      /one\.bin: expected .* not finite in row 0;/,
    );
    Deno.writeFileSync(model, Deno.readFileSync(model).subarray(0, -100));
    refused(pairs("--data", folder), /best_iresnet18\.safetensors: /);
  }));
