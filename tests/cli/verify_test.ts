import assert from "node:assert/strict";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { writeModel } from "../../lib/model/model_file.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { withFolder } from "../temporary_folder.ts";
import { tinyImages } from "../train/tiny_run.ts";

const script = new URL("../../cli/verify.ts", import.meta.url).pathname;
const env = { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? Deno.makeTempDirSync() };

function verify(...args: string[]): { code: number; out: string; error: string } {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args], env })
    .outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

function refused({ code, out, error }: { code: number; out: string; error: string }, message: RegExp): void {
  assert.match(error, message);
  assert.equal(error.match(/\n/g)?.length, 1, error);
  assert.deepEqual([code, out], [2, ""]);
}

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

    refused(
      pairs("--data", `${folder}/none.bin`),
      /none\.bin: expected a \.bin file or a folder of them, found nothing/,
    );
    refused(
      pairs("--data", `${folder}/run`),
      /Cannot open verification sets in .*run: expected \.bin files, found none/,
    );
    refused(pairs("--data", folder, "--folds", "13"), /one\.bin: expected at least 13 pairs for 13 folds, found 12/);
    refused(pairs("--data", folder, "--folds", "1"), /--folds.*whole number of at least 2/);
    refused(pairs("--data", folder, "--distance", "cos"), /--distance.*cosine, euclidean/);
    refused(pairs("--data", folder, "--jsn"), /unknown option '--jsn' \(Did you mean --json\?\)/);
    refused(verify("pairs", "--data", folder), /required option '--model <path>' not specified/);
    refused(verify("pairs", "--model", `${folder}/two.bin`, "--data", folder), /two\.bin: /);
    refused(verify("pairs", "--model", `${folder}/none`, "--data", folder), /none: .* found nothing there/);
    Deno.writeFileSync(model, Deno.readFileSync(model).subarray(0, -100));
    refused(pairs("--data", folder), /best_iresnet18\.safetensors: /);
  }));
