import assert from "node:assert/strict";
import { readSubjectList } from "../../../lib/eval/ijb/ijb_identify.ts";
import { type IjbSet, readIjbSet } from "../../../lib/eval/ijb/ijb_set.ts";
import { ijbJson, ijbTables } from "../../../lib/eval/ijb/ijb_tables.ts";
import { embedIjb, evaluateIjb, writeIjbResult } from "../../../lib/eval/ijb/run_ijb.ts";
import { NpyReader, readNpy, writeNpy } from "../../../lib/eval/npy.ts";
import { rocCurve, tprAtFpr } from "../../../lib/eval/roc.ts";
import { startWebGPU } from "../../../lib/gpu/start_webgpu.ts";
import { createBackbone } from "../../../lib/nn/backbone.ts";
import { createCodec } from "../../../lib/data/image_codec.ts";
import { alignFace } from "../../../lib/data/align_face.ts";
import { decodePng } from "../../../lib/data/png.ts";
import { embedImages } from "../../../lib/eval/embed.ts";
import { ImageDecoder } from "../../../lib/data/image_decoder.ts";
import { fill } from "../../../tools/golden/fill.ts";
import { withFolder } from "../../temporary_folder.ts";
import { IMAGES, SUBJECTS, TEMPLATES, writeSyntheticIjb } from "./synthetic_ijb.ts";

const COUNT = SUBJECTS * TEMPLATES * IMAGES, DIM = 6;

async function synthetic(folder: string): Promise<IjbSet> {
  await writeSyntheticIjb(`${folder}/set`);
  return readIjbSet("IJBC", `${folder}/set`);
}

/** The protocol as it is written down: means per media, their sum, unit length, dot products. */
function byTheBook(set: IjbSet, rows: Float32Array, detectorScore: boolean): Map<number, number[]> {
  const features = new Map<number, number[]>();
  for (const template of new Set(set.templates)) {
    const sum = new Array(DIM).fill(0);
    for (const media of new Set([...set.media].filter((_, i) => set.templates[i] === template))) {
      const images = set.names.flatMap((_, i) => set.templates[i] === template && set.media[i] === media ? [i] : []);
      for (const i of images) {
        for (let d = 0; d < DIM; d++) {
          sum[d] += rows[i * DIM + d] * (detectorScore ? set.list.scores[i] : 1) / images.length;
        }
      }
    }
    const length = Math.hypot(...sum);
    features.set(template, sum.map((value) => value / length));
  }
  return features;
}

Deno.test("evaluateIjb() pools, scores and identifies as the protocols say", () =>
  withFolder(async (folder) => {
    const set = await synthetic(folder);
    const path = `${folder}/rows.npy`;
    const rows = fill(5, COUNT * DIM);
    writeNpy(path, rows, { shape: [COUNT, DIM] });
    for (const detectorScore of [true, false]) {
      const { verification, identification } = evaluateIjb(set, path, { detectorScore });
      const features = byTheBook(set, rows, detectorScore);
      const dot = (a: number, b: number) =>
        features.get(a)!.reduce((sum, value, d) => sum + value * features.get(b)![d], 0);
      const pairs = Deno.readTextFileSync(`${folder}/set/meta/ijbc_template_pair_label.txt`).trimEnd().split("\n")
        .map((line) => line.split(" ").map(Number));
      assert.equal(verification.scores.length, 66);
      pairs.forEach(([a, b], k) => assert.ok(Math.abs(verification.scores[k] - dot(a, b)) < 1e-12));
      const curve = rocCurve(pairs.map(([a, b]) => dot(a, b)), pairs.map(([, , same]) => same));
      for (const { target, tpr, fpr } of verification.points) {
        const expected = tprAtFpr(curve, target);
        assert.deepEqual([tpr, fpr], [expected.tpr, expected.fpr]);
      }
      // subjects 0, 1, 2 have templates 1, 3, 5 in the first gallery; probes are 2, 4 … 12
      const [first, second] = identification;
      assert.deepEqual([first.size, first.mated, first.nonMated, second.mated], [3, 3, 3, 3]);
      const gallery = [1, 3, 5];
      const ranks = [2, 4, 6].map((probe) => {
        const own = dot(probe, probe - 1);
        return 1 + gallery.filter((other) => dot(probe, other) > own).length;
      });
      assert.deepEqual(first.ranks, [1, 5, 10].map((most) => ranks.filter((rank) => rank <= most).length / 3));
      const strangers = [8, 10, 12].map((probe) => Math.max(...gallery.map((other) => dot(probe, other)))).sort((
        a,
        b,
      ) => b - a);
      // of three strangers none may be found at either rate
      const found = [2, 4, 6].filter((probe, i) => ranks[i] === 1 && dot(probe, probe - 1) > strangers[0]).length / 3;
      assert.deepEqual(first.tpirs, [found, found]);
    }
  }));

Deno.test("writeIjbResult() writes table, scores and plot, which is a picture too", () =>
  withFolder(async (folder) => {
    const set = await synthetic(folder);
    writeNpy(`${folder}/rows.npy`, fill(6, COUNT * DIM), { shape: [COUNT, DIM] });
    const result = evaluateIjb(set, `${folder}/rows.npy`);
    const files = await writeIjbResult(`${folder}/out`, set, result);
    assert.deepEqual(readNpy(files.scores, { dtype: "float64" }).data, result.verification.scores);
    const lines = Deno.readTextFileSync(files.table).trimEnd().split("\n");
    assert.equal(lines[0], "fpr_target,fpr,tpr,threshold");
    assert.deepEqual(
      lines.slice(1).map((line) => Number(line.split(",")[2])),
      result.verification.points.map(({ tpr }) => tpr),
    );
    assert.match(
      Deno.readTextFileSync(files.plot),
      /^<svg [^]*IJBC, 1:1[^]*<path d="M[^"]+L[^"]+" fill="none" stroke="#0072b2"[^]*<\/svg>\n$/,
    );
    const { width, height, pixels } = decodePng(Deno.readFileSync(files.picture));
    assert.deepEqual([width, height], [1400, 904]);
    let blue = 0;
    for (let at = 0; at < pixels.length; at += 3) if (pixels[at] === 0 && pixels[at + 1] === 0x72) blue++;
    assert.ok(blue > 1000, `the curve is drawn in its colour, ${blue} pixels`);
    const json = ijbJson("IJBC", result);
    assert.equal(json.pairs, 66);
    assert.match(ijbTables("IJBC", result), /TPR % @FPR 1e-6[^]*│ 66 pairs +│[^]*gallery_G2 +│ +3 │ +3 \+ 3 │/);
  }));

Deno.test("evaluateIjb() names file and place of what does not fit", () =>
  withFolder(async (folder) => {
    const set = await synthetic(folder);
    const path = `${folder}/rows.npy`;
    const rows = fill(5, COUNT * DIM);
    const write = (values: Float32Array<ArrayBuffer>) =>
      writeNpy(path, values, { shape: [values.length / DIM, DIM], force: true });
    const refuse = (message: RegExp) => assert.throws(() => evaluateIjb(set, path), { name: "InputError", message });
    const broken = rows.slice();
    broken[4 * DIM + 1] = NaN;
    write(broken);
    refuse(/rows\.npy: expected finite numbers in row 4 \(5\.jpg\), found others/);
    write(rows.slice(DIM));
    refuse(/rows\.npy: expected shape \[24, any\], found \[23, 6\]/);
    broken[4 * DIM + 1] = Infinity;
    write(broken);
    refuse(/rows\.npy: expected finite numbers in row 4 \(5\.jpg\), found others/);
    writeNpy(path, Float64Array.from(rows), { dtype: "float64", shape: [COUNT, DIM], force: true });
    refuse(/rows\.npy: expected dtype float32, found float64/);
    const zero = rows.slice();
    zero.fill(0, 0, IMAGES * DIM);
    write(zero);
    refuse(/rows\.npy: expected template 1 to have a direction, found only zeros/);
    write(rows);
    const pairs = `${folder}/set/meta/ijbc_template_pair_label.txt`;
    Deno.writeTextFileSync(pairs, "1 2 1\n1 99 0\n");
    refuse(/ijbc_template_pair_label\.txt: expected templates that have images in the set, found 99 in pair 2; take/);
    Deno.writeTextFileSync(pairs, "1 2 1\n3 4 1\n");
    refuse(/ijbc_template_pair_label\.txt: expected pairs of one person and of two, found 2 and 0/);
    Deno.writeTextFileSync(pairs, "1 2 1\n3 4 2\n");
    refuse(/expected label 0 or 1 of pair 2, found 2/);
    Deno.writeTextFileSync(pairs, "1 2 1\n1 3 0\n");
    const gallery = `${folder}/set/meta/ijbc_1N_gallery_G1.csv`;
    Deno.writeTextFileSync(gallery, "TEMPLATE_ID,SUBJECT_ID\n77,a\n");
    refuse(/ijbc_1N_gallery_G1\.csv: expected a template that has images on line 2, found 77, which has none/);
    Deno.writeTextFileSync(gallery, "TEMPLATE_ID,SUBJECT_ID\n1,nobody\n");
    refuse(/ijbc_1N_gallery_G1\.csv: expected probes of its subjects in .*1N_probe_mixed\.csv, found none/);
    for (
      const [text, message] of [
        ["a,b\n1,2\n", /columns TEMPLATE_ID and SUBJECT_ID on line 1/],
        ["TEMPLATE_ID,SUBJECT_ID\n1,a\nx,b\n", /a template and a subject on line 3, found "x,b"/],
        ["TEMPLATE_ID,SUBJECT_ID\n1,a\n1,b\n", /template 1 of subject a on line 3, found b/],
        ["TEMPLATE_ID,SUBJECT_ID\n", /on line 2, found none/],
      ] as const
    ) {
      Deno.writeTextFileSync(gallery, text);
      assert.throws(() => readSubjectList(gallery), { name: "InputError", message });
    }
  }));

Deno.test("embedIjb() embeds aligned faces, goes on where it was stopped, and takes what is there", () =>
  withFolder(async (folder) => {
    const set = await synthetic(folder);
    const gpu = await startWebGPU();
    const make = (seed: number) =>
      createBackbone(gpu, "iresnet18", { width: 0.0625, imageSize: 16, embeddingSize: 16, seed });
    const backbone = make(1);
    const options = { batchSize: 4, workers: 1, flip: false };
    const stop = new AbortController();
    const first = await embedIjb(gpu, backbone, set, `${folder}/out`, {
      ...options,
      onProgress: (done) => done >= 8 && stop.abort(),
      signal: stop.signal,
    });
    assert.deepEqual([first.finished, first.cached], [false, 0]);
    const second = await embedIjb(gpu, backbone, set, `${folder}/out`, options);
    assert.deepEqual([second.finished, second.cached, second.path], [true, 8, first.path]);
    const third = await embedIjb(gpu, backbone, set, `${folder}/out`, {
      ...options,
      onProgress: () => assert.fail("cached"),
    });
    assert.deepEqual([third.finished, third.cached], [true, COUNT]);

    using codec = await createCodec("wasm");
    const aligned = set.names.map((name, i) => {
      const image = codec.decode(Deno.readFileSync(`${folder}/set/loose_crop/${name}`));
      const pixels = alignFace(image, set.list.landmarks.subarray(10 * i, 10 * (i + 1)), 16);
      return codec.encodeJpeg({ width: 16, height: 16, pixels }, { quality: 100 });
    });
    using decoder = new ImageDecoder({ imageSize: 16, workers: 1 });
    const expected = await embedImages(gpu, backbone, decoder, COUNT, (i) => aligned[i], { batchSize: 4 });
    using file = NpyReader.open(second.path, { dtype: "float32", shape: [COUNT, 16] });
    const found = file.readRows(0, COUNT) as Float32Array;
    // the way through a JPEG of highest quality changes little, another place of the face much
    const cosine = (a: Float32Array, b: Float32Array) => {
      const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, d) => sum + value * y[d], 0);
      return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    };
    for (let i = 0; i < COUNT; i++) {
      const row = (rows: Float32Array, i: number) => rows.subarray(16 * i, 16 * (i + 1));
      assert.ok(cosine(row(found, i), row(expected, i)) > 0.999, `image ${i}`);
    }
    using other = {
      backbone: make(2),
      [Symbol.dispose]() {
        this.backbone.dispose();
      },
    };
    const another = await embedIjb(gpu, other.backbone, set, `${folder}/out`, options);
    assert.notEqual(another.folder, second.folder);
    Deno.writeTextFileSync(`${folder}/set/loose_crop/3.jpg`, "no image");
    await assert.rejects(embedIjb(gpu, backbone, set, `${folder}/new`, options), {
      name: "InputError",
      message:
        /^Cannot embed 3\.jpg: cannot decode image: expected a JPEG or PNG, found [^;]*; copy it anew, or mend its landmarks in .*name_5pts_score\.txt$/,
    });
    Deno.removeSync(second.path);
    await assert.rejects(embedIjb(gpu, backbone, set, `${folder}/out`, options), {
      name: "InputError",
      message: /^Cannot write .*embeddings\.txt: it exists already; it is of embeddings that are not there: remove it$/,
    });
    backbone.dispose();
  }));
