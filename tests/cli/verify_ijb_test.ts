import assert from "node:assert/strict";
import { ALIGNED_LANDMARKS } from "../../lib/data/align_face.ts";
import { compareFaces } from "../../lib/eval/compare_faces.ts";
import { readNpy, writeNpy } from "../../lib/eval/npy.ts";
import { asTensorData, modelMetadata } from "../../lib/model/model_file.ts";
import { writeSafetensors } from "../../lib/model/safetensors.ts";
import { writeSyntheticIjb } from "../eval/ijb/synthetic_ijb.ts";
import { randomModel } from "../model/random_model.ts";
import { withFolder } from "../temporary_folder.ts";
import { commandOf, refused, run } from "./run_command.ts";

const start = (command: string, ...args: string[]) => commandOf(command, args).spawn();

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
    assert.match(again.out, /embeddings\.npy: 24 images\n┌[^]*IJBB 1:1[^]*gallery_S1[^]*roc\.svg\n.*roc\.png\n$/);
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
    Deno.copyFileSync(faces[0], `${folder}/unlisted.jpg`);
    refused(
      run("compare", faces[0], `${folder}/unlisted.jpg`, "--align", list, "--model", model),
      /Cannot align .*unlisted\.jpg: expected a line for it in .*found none among 24; add it/,
    );

    refused(ijb(...out), /expected one of --model and --embeddings, found neither/);
    refused(ijb("--model", model, "--embeddings", found.embeddings), /found both/);
    refused(run("verify", "ijb", "--root", root, "--model", model), /required option '--target <name>' not specified/);
    refused(run("verify", "ijb", "--target", "LFW", "--root", root), /Allowed choices are IJBB, IJBC/);
    refused(
      run("verify", "ijb", "--target", "IJBC", "--root", root, "--model", model),
      /ijbc_face_tid_mid\.txt: expected lists of IJBC, found those of IJBB; give --target IJBB/,
    );
    refused(ijb("--embeddings", found.scores), /scores\.npy: expected dtype float32, found float64/);
    const { data, shape } = readNpy(found.embeddings);
    data[16 * 7 + 3] = NaN;
    writeNpy(`${folder}/broken.npy`, data as Float32Array<ArrayBuffer>, { shape });
    refused(
      ijb("--embeddings", `${folder}/broken.npy`),
      /broken\.npy: expected finite numbers in row 7 \(8\.jpg\), found/,
    );
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

/** What the lists of a benchmark are spoilt to, and what is said of it; nothing is embedded before. */
const SPOILT: readonly [what: string, list: string, from: RegExp, to: string, message: RegExp][] = [
  [
    "a template without images",
    "face_tid_mid.txt",
    /^.* 3 \d+\n/gm,
    "",
    /found 3 in pair 6; take lists of one benchmark/,
  ],
  ["a pair of an unknown template", "template_pair_label.txt", /$/, "1 99 0\n", /found 99 in pair 67; take lists/],
  ["pairs of one kind", "template_pair_label.txt", / 0$/gm, " 1", /of one person and of two, found 66 and 0; give/],
  ["a pair without label", "template_pair_label.txt", /^1 3 0$/m, "1 3", /on line 2, found 2 numbers; mend the line/],
  [
    "landmarks cut off",
    "name_5pts_score.txt",
    /(?<=^5\.jpg .*) \S+$/m,
    "",
    /and a score on line 5, found 10 numbers; mend/,
  ],
  [
    "landmarks of no image",
    "name_5pts_score.txt",
    /^5\.jpg .*\n/m,
    "",
    /expected a line for 5\.jpg \(line 5 of .*; add it/,
  ],
  ["a probe without images", "1N_probe_mixed.csv", /^2,/gm, "99,", /has images on line 2, found 99, which has none/],
];

Deno.test("verify ijb says in one line which list is wrong, before it embeds", async (t) => {
  for (const [what, list, from, to, message] of SPOILT) {
    await t.step(what, () =>
      withFolder(async (folder) => {
        await writeSyntheticIjb(folder);
        const path = `${folder}/meta/ijbc_${list}`;
        const text = Deno.readTextFileSync(path);
        Deno.writeTextFileSync(path, text.replace(from, to));
        assert.notEqual(Deno.readTextFileSync(path), text);
        // a model that is not there is found after the lists
        const none = ["--model", `${folder}/none.safetensors`, "--out", `${folder}/out`];
        const outcome = run("verify", "ijb", "--target", "IJBC", "--root", folder, ...none);
        refused(outcome, message);
        assert.ok(outcome.error.includes(`${folder}/meta/ijbc_`), outcome.error);
      }));
  }
});

Deno.test("verify ijb stops at Ctrl-C and goes on; without lists of 1:N it says so", () =>
  withFolder(async (folder) => {
    await writeSyntheticIjb(folder);
    for (const name of ["1N_probe_mixed", "1N_gallery_G2"]) Deno.removeSync(`${folder}/meta/ijbc_${name}.csv`);
    // enough to be stopped amid: the images are listed over and over
    const list = `${folder}/meta/ijbc_face_tid_mid.txt`;
    const rounds = 200, images = 24 * rounds;
    Deno.writeTextFileSync(list, Deno.readTextFileSync(list).repeat(rounds));
    const model = `${folder}/model.safetensors`;
    const stored = randomModel({ model: "iresnet18", width: 1 / 16, imageSize: 16, embeddingSize: 16 });
    writeSafetensors(model, asTensorData(stored.state), modelMetadata(stored));
    const args = ["ijb", "--target", "IJBC", "--root", folder, "--model", model, "--out", `${folder}/out`];

    const child = start("verify", ...args, "--batch-size", "1");
    let isOver = false;
    child.status.then(() => isOver = true);
    while (!isOver && partBytes(`${folder}/out`) < 2000) await new Promise((go) => setTimeout(go, 5));
    if (!isOver) child.kill("SIGINT");
    const { code, stderr } = await child.output();
    const leftOut = `1:N is left out: there is no ${folder}/meta/ijbc_1N_probe_mixed.csv, ` +
      `${folder}/meta/ijbc_1N_gallery_G2.csv\n`;
    assert.equal(new TextDecoder().decode(stderr), `${leftOut}stopped; the same command goes on\n`);
    assert.equal(code, 130);

    const rest = run("verify", ...args, "--json");
    assert.equal(rest.code, 0, rest.error);
    const [, before, all] = /^(\d+) of (\d+) images were embedded before\n$/.exec(rest.error.slice(leftOut.length))!;
    assert.equal(Number(all), images);
    assert.ok(Number(before) > 0 && Number(before) < images, before);
    const { embeddings, identification } = JSON.parse(rest.out);
    assert.deepEqual(identification, []);
    const { data, shape } = readNpy(embeddings);
    assert.deepEqual(shape, [images, 16]);
    // the same image has the same embedding before and after the stop
    for (let at = 24 * 16; at < data.length; at++) {
      const first = Number(data[at % (24 * 16)]);
      assert.ok(Math.abs(Number(data[at]) - first) <= 1e-4 * Math.abs(first) + 1e-4);
    }
  }));

/** Bytes of embeddings that are on the way. */
function partBytes(out: string): number {
  try {
    const [{ name }] = Deno.readDirSync(out);
    return Deno.statSync(`${out}/${name}/.embeddings.npy.part`).size;
  } catch {
    return 0;
  }
}
