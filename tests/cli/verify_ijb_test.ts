import assert from "node:assert/strict";
import { ALIGNED_LANDMARKS } from "../../lib/data/align_face.ts";
import { compareFaces } from "../../lib/eval/compare_faces.ts";
import { readNpy } from "../../lib/eval/npy.ts";
import { asTensorData, modelMetadata } from "../../lib/model/model_file.ts";
import { writeSafetensors } from "../../lib/model/safetensors.ts";
import { writeSyntheticIjb } from "../eval/ijb/synthetic_ijb.ts";
import { randomModel } from "../model/random_model.ts";
import { withFolder } from "../temporary_folder.ts";

interface Outcome {
  code: number;
  out: string;
  error: string;
}

function run(command: string, ...args: string[]): Outcome {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", new URL(`../../cli/${command}.ts`, import.meta.url).pathname, ...args],
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" },
  }).outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

function refused({ code, out, error }: Outcome, message: RegExp): void {
  assert.match(error, message);
  assert.equal(error.match(/\n/g)?.length, 1, error);
  assert.deepEqual([code, out], [2, ""]);
}

Deno.test("verify ijb embeds, scores and writes; the second time it embeds nothing; embed --align and compare --align see the same", () =>
  withFolder(async (folder) => {
    const root = `${folder}/IJBB`;
    await writeSyntheticIjb(root, "IJBB");
    const stored = randomModel({ model: "iresnet18", width: 1 / 16, imageSize: 16, embeddingSize: 16 });
    const model = `${folder}/model.safetensors`;
    writeSafetensors(model, asTensorData(stored.state), modelMetadata(stored));
    const ijb = (...args: string[]) => run("verify", "ijb", "--target", "IJBB", "--root", root, ...args);
    const out = ["--out", `${folder}/out`, "--batch-size", "4"];

    const first = ijb("--model", model, ...out, "--json");
    assert.deepEqual([first.code, first.error], [0, ""]);
    const found = JSON.parse(first.out);
    assert.deepEqual([found.pairs, found.same, found.tprAtFpr.length, found.identification.length], [66, 6, 6, 2]);
    assert.deepEqual(readNpy(found.scores).shape, [66]);
    const again = ijb("--model", model, ...out);
    assert.equal(again.error, "24 of 24 images were embedded before\n");
    assert.match(again.out, /embeddings\.npy: 24 images\n┌[^]*IJBB 1:1[^]*gallery_S1[^]*roc\.svg\n$/);
    const given = ijb("--embeddings", found.embeddings, "--out", `${folder}/given`, "--json");
    assert.deepEqual(JSON.parse(given.out).tprAtFpr, found.tprAtFpr, given.error);

    const list = `${root}/meta/ijbb_name_5pts_score.txt`;
    const embedded = run(...["embed", `${root}/loose_crop`, "--model", model] as const, ...[
      "--align",
      list,
      "--flip",
      "--out",
      `${folder}/e.npy`,
    ]);
    assert.equal(embedded.code, 0, embedded.error);
    // embed goes by name: 1.jpg, 10.jpg …
    const names = Deno.readTextFileSync(`${folder}/e.txt`).trimEnd().split("\n").map((name) =>
      Number(/(\d+)\.jpg/.exec(name)![1]) - 1
    );
    const [rows, ordered] = [found.embeddings, `${folder}/e.npy`].map((path) => readNpy(path).data as Float32Array);
    names.forEach((image, row) => {
      for (let d = 0; d < 16; d++) {
        assert.ok(
          Math.abs(ordered[row * 16 + d] - rows[image * 16 + d]) < 1e-4 * Math.abs(rows[image * 16 + d]) + 1e-4,
        );
      }
    });

    const faces = [1, 2].map((k) => `${root}/loose_crop/${k}.jpg`);
    const compared = run("compare", faces[0], faces[1], "--align", list, "--flip", "--model", model, "--json");
    assert.equal(compared.code, 0, compared.error);
    const expected = compareFaces(rows.subarray(0, 32)).similarity;
    assert.ok(Math.abs(JSON.parse(compared.out).similarity - expected) < 1e-4);
    refused(
      run("compare", faces[0], `${root}/loose_crop/none.jpg`, "--align", list, "--model", model),
      /Cannot read image .*none\.jpg/,
    );

    refused(ijb(...out), /expected one of --model and --embeddings, found neither/);
    refused(ijb("--model", model, "--embeddings", found.embeddings), /found both/);
    refused(run("verify", "ijb", "--root", root, "--model", model), /required option '--target <name>' not specified/);
    refused(run("verify", "ijb", "--target", "LFW", "--root", root), /Allowed choices are IJBB, IJBC/);
    refused(
      run("verify", "ijb", "--target", "IJBC", "--root", root, "--model", model),
      /ijbc_face_tid_mid\.txt: no such file/,
    );
    refused(ijb("--embeddings", found.scores), /scores\.npy: expected dtype float32, found float64/);
    Deno.writeTextFileSync(`${folder}/short.txt`, `1.jpg ${ALIGNED_LANDMARKS.join(" ")}\n`);
    refused(
      run(
        "embed",
        `${root}/loose_crop`,
        "--model",
        model,
        "--align",
        `${folder}/short.txt`,
        "--out",
        `${folder}/f.npy`,
      ),
      /Cannot align .*10\.jpg: expected a line for it in .*short\.txt, found none among 1/,
    );
    Deno.removeSync(`${root}/loose_crop/9.jpg`);
    refused(ijb("--model", model, ...out), /expected 9\.jpg \(line 9 of .*face_tid_mid\.txt\), found no such file/);
  }));
