import assert from "node:assert/strict";
import { createCodec } from "../../lib/data/image_codec.ts";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { openEmbedSources } from "../../lib/eval/embed_sources.ts";
import { embedToFile, type EmbedToFileOptions } from "../../lib/eval/embed_to_file.ts";
import { readNpy } from "../../lib/eval/npy.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { withFolder } from "../temporary_folder.ts";

/** As other tests have it: its kernels are compiled already. */
const SMALL = { width: 1 / 16, imageSize: 16, embeddingSize: 16 };
const COUNT = 5;

/** JPEG images, each of one grey. */
async function images(count = COUNT): Promise<Uint8Array[]> {
  using codec = await createCodec("wasm");
  return Array.from(
    { length: count },
    (_, i) => codec.encodeJpeg({ width: 16, height: 16, pixels: new Uint8Array(768).fill(40 * i + 20) }),
  );
}

/** Embeds what paths name, in batches of two. */
async function embed(paths: string[], out: string, options: EmbedToFileOptions = {}) {
  const gpu = await startWebGPU();
  const backbone = createBackbone(gpu, "iresnet18", SMALL);
  try {
    using sources = openEmbedSources(paths);
    return await embedToFile(gpu, backbone, sources, out, { batchSize: 2, workers: 1, ...options });
  } finally {
    backbone.dispose();
  }
}

function rows(path: string): number[][] {
  const { data, shape } = readNpy(path, { dtype: "float32", shape: [undefined, 16] });
  const numbers = [...data as Float32Array];
  return Array.from({ length: shape[0] }, (_, i) => numbers.slice(16 * i, 16 * (i + 1)));
}

Deno.test("a folder, a .rec and a .bin of the same images have the same embeddings, each under its names", () =>
  withFolder(async (folder) => {
    const faces = await images();
    Deno.mkdirSync(`${folder}/photos/more`, { recursive: true });
    faces.forEach((face, i) => Deno.writeFileSync(`${folder}/photos/${i < 3 ? "" : "more/"}${i}.jpg`, face));
    Deno.writeTextFileSync(`${folder}/photos/notes.txt`, "");
    {
      using writer = RecordWriter.create(`${folder}/train.rec`);
      faces.forEach((image, i) => writer.write(i, encodeImageRecord({ label: 0, id: i, image })));
      writer.finish();
    }
    writePairSet(`${folder}/two.bin`, { images: faces.slice(0, 4), same: [true, false] });
    Deno.writeTextFileSync(`${folder}/property`, "1,16,16");

    const result = await embed([`${folder}/photos`], `${folder}/a.npy`);
    assert.deepEqual([result.rows, result.dim, result.resumed, result.finished], [5, 16, 0, true]);
    assert.ok(result.imagesPerSecond > 0);
    assert.equal(
      Deno.readTextFileSync(`${folder}/a.txt`),
      [0, 1, 2, "more/3", "more/4"].map((name) => `${folder}/photos/${name}.jpg\n`).join(""),
    );
    await embed([`${folder}/train.rec`], `${folder}/b.npy`);
    await embed([`${folder}/two.bin`], `${folder}/c.npy`);
    assert.equal(Deno.readTextFileSync(`${folder}/b.txt`), "key 0\nkey 1\nkey 2\nkey 3\nkey 4\n");
    assert.equal(Deno.readTextFileSync(`${folder}/c.txt`), "two/0\ntwo/1\ntwo/2\ntwo/3\n");
    assert.deepEqual(rows(`${folder}/b.npy`), rows(`${folder}/a.npy`));
    assert.deepEqual(rows(`${folder}/c.npy`), rows(`${folder}/a.npy`).slice(0, 4));

    await embed([`${folder}/two.bin`], `${folder}/d.npy`, { flip: true, normalize: true });
    rows(`${folder}/d.npy`).forEach((row, i) => {
      assert.ok(Math.abs(Math.hypot(...row) - 1) < 1e-6);
      // grey images are their own mirror images
      const plain = rows(`${folder}/a.npy`)[i];
      row.forEach((value, k) => assert.ok(Math.abs(value - plain[k] / Math.hypot(...plain)) < 1e-5));
    });
  }));

Deno.test("what was stopped goes on where it was, and ends with the same bytes", () =>
  withFolder(async (folder) => {
    (await images()).forEach((face, i) => Deno.writeFileSync(`${folder}/${i}.jpg`, face));
    await embed([folder], `${folder}/whole.npy`);
    const stop = new AbortController();
    const stopped = await embed([folder], `${folder}/e.npy`, {
      signal: stop.signal,
      onProgress: (done) => done >= 2 && stop.abort(),
    });
    assert.deepEqual([stopped.finished, stopped.rows], [false, 2]);
    const seen: number[] = [];
    const { resumed, finished } = await embed([folder], `${folder}/e.npy`, { onProgress: (done) => seen.push(done) });
    assert.deepEqual([resumed, finished, seen], [2, true, [4, 5]]);
    assert.deepEqual(Deno.readFileSync(`${folder}/e.npy`), Deno.readFileSync(`${folder}/whole.npy`));
    assert.equal(Deno.readTextFileSync(`${folder}/e.txt`), Deno.readTextFileSync(`${folder}/whole.txt`));
  }));

Deno.test("a corrupt image stops it by name, or is left out with its name", () =>
  withFolder(async (folder) => {
    (await images()).forEach((face, i) => Deno.writeFileSync(`${folder}/${i}.jpg`, i === 3 ? face.slice(0, 99) : face));
    await assert.rejects(embed([folder], `${folder}/e.npy`), {
      name: "InputError",
      message: new RegExp(
        `^Cannot embed ${folder}/3.jpg: cannot decode JPEG: expected [^;]*, found [^;]*; --skip-corrupt`,
      ),
    });
    const { corrupt, rows: count } = await embed([folder], `${folder}/e.npy`, { skipCorrupt: true });
    assert.deepEqual([corrupt.map(({ name }) => name), count], [[`${folder}/3.jpg`], 4]);
    assert.equal(rows(`${folder}/e.npy`).length, 4);
    assert.ok(!Deno.readTextFileSync(`${folder}/e.txt`).includes("3.jpg"));
  }));

Deno.test("openEmbedSources() refuses what holds no images", () =>
  withFolder((folder) => {
    const refused = (paths: string[], message: RegExp) =>
      assert.throws(() => openEmbedSources(paths), { name: "InputError", message });
    refused([], /found nothing/);
    refused([folder], /expected .jpg or .png images, found none/);
    refused([`${folder}/none.jpg`], /no such file or folder/);
    for (const name of ["a.bin", "b.jpg", "c\nd.jpg"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
    refused([`${folder}/a.bin`], /expected a pickle, found an empty file/);
    refused([`${folder}/a.bin`, `${folder}/b.jpg`], /a.bin: expected it alone, found 2 paths/);
    refused([folder], /expected a name of one line/);
  }));

Deno.test("an embedding that is not finite stops it: the image, the value and the place are named", () =>
  withFolder(async (folder) => {
    (await images()).forEach((face, i) => Deno.writeFileSync(`${folder}/${i}.jpg`, face));
    const gpu = await startWebGPU();
    const backbone = createBackbone(gpu, "iresnet18", SMALL);
    const bias = backbone.parameters.list().find(({ name }) => name === "features.bias")!;
    gpu.kernels.write(bias.parts[0], Float32Array.from({ length: 16 }, (_, i) => i === 3 ? NaN : 0));
    using sources = openEmbedSources([folder]);
    await assert.rejects(embedToFile(gpu, backbone, sources, `${folder}/e.npy`, { batchSize: 2, workers: 1 }), {
      name: "InputError",
      message:
        /Cannot embed \S*0\.jpg: expected finite numbers from the model, found NaN as value 3; the model's weights/,
    });
    backbone.dispose();
  }));
