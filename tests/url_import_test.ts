import assert from "node:assert/strict";
import { createCodec } from "../lib/data/image_codec.ts";
import { encodeImageRecord } from "../lib/data/image_record.ts";
import { RecordWriter } from "../lib/data/record_writer.ts";
import { startWebGPU } from "../lib/gpu/start_webgpu.ts";
import { writeModel } from "../lib/model/model_file.ts";
import { createBackbone } from "../lib/nn/backbone.ts";

const ROOT = new URL("../", import.meta.url);

/** People in the training set that the imported module meets, and images of each. */
const PEOPLE = 2, IMAGES = 4;

/**
 * What a user's program does with the module: read records, decode in Workers, evaluate; with an adapter also embed.
 * Prints what it found as JSON.
 */
function program(url: string, folder: string): string {
  return `
import * as centerbias from ${JSON.stringify(url)};
const folder = ${JSON.stringify(folder)};
const found = {};
using reader = centerbias.RecordReader.open(folder + "/train.rec");
found.records = [...reader.keys()].length;
const images = [...reader.keys()].map((key) => centerbias.decodeImageRecord(reader.read(key)).image);
using decoder = new centerbias.ImageDecoder({ imageSize: 16, workers: 2, codec: "wasm" });
const decoded = await decoder.decode([
  ...images.map((bytes) => ({ kind: "bytes", bytes })),
  { kind: "record", path: folder + "/train.rec", offset: 0 },
]);
found.codec = await decoder.codec;
found.decoded = decoded.map(({ pixels, width, label, error }) => error ?? [pixels.length, width, label ?? null]);
found.middles = decoded.map(({ pixels }) => pixels[(8 * 16 + 8) * 3]);
const same = Array.from({ length: 20 }, (_, k) => k % 2 === 0);
const rows = Float32Array.from(same.flatMap((is) => is ? [1, 0, 1, 0] : [1, 0, 0, 1]));
found.accuracy = centerbias.evaluatePairs(rows, same).accuracy;
try {
  centerbias.RecordReader.open(folder + "/nothing.rec");
} catch (error) {
  found.mistake = error instanceof centerbias.InputError;
}
found.adapter = await navigator.gpu?.requestAdapter() != null;
if (found.adapter) {
  using model = await centerbias.loadModel(folder + "/model.safetensors");
  const embeddings = await model.embed(images.slice(0, 3));
  found.embeddings = [embeddings.length, embeddings.every(Number.isFinite)];
}
console.log(JSON.stringify(found));
Deno.exit(0);
`;
}

/** Grey images of 20x20 pixels, one level per image, as train.rec and its index and property. */
async function writeTrainingSet(folder: string): Promise<void> {
  using codec = await createCodec("wasm");
  using writer = RecordWriter.create(`${folder}/train.rec`);
  for (let i = 0; i < PEOPLE * IMAGES; i++) {
    const image = codec.encodeJpeg({ width: 20, height: 20, pixels: new Uint8Array(20 * 20 * 3).fill(level(i)) });
    writer.write(i, encodeImageRecord({ label: i % PEOPLE, id: i, image }));
  }
  writer.finish();
  Deno.writeTextFileSync(`${folder}/property`, `${PEOPLE},20,20`);
}

/** A small model with fresh weights; nothing where there is no adapter. */
async function writeSmallModel(path: string): Promise<void> {
  if (await navigator.gpu?.requestAdapter() == null) return;
  const backbone = createBackbone(await startWebGPU(), "iresnet18", { width: 0.0625, imageSize: 16, embeddingSize: 8 });
  writeModel(path, backbone, await backbone.parameters.state());
  backbone.dispose();
}

function level(i: number): number {
  return 20 + 25 * i;
}

/** Serves the project's modules, as any web server would. */
function serveProject(): { url: string; served: string[]; missed: string[]; server: Deno.HttpServer<Deno.NetAddr> } {
  const served: string[] = [];
  const missed: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname).slice(1);
    try {
      if (path.split("/").includes("..")) throw new Error("outside the project");
      const body = await Deno.readFile(new URL(path, ROOT));
      served.push(path);
      const type = path.endsWith(".ts") ? "application/typescript" : "application/octet-stream";
      return new Response(body, { headers: { "content-type": type } });
    } catch {
      missed.push(path);
      return new Response("not found", { status: 404 });
    }
  });
  return { url: `http://127.0.0.1:${server.addr.port}/mod.ts`, served, missed, server };
}

/** A cache of its own, so that nothing of this port's address stays; npm packages are taken from the user's. */
function ownCache(folder: string): string {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"], stdin: "null" }).outputSync();
  const { npmCache } = JSON.parse(new TextDecoder().decode(info.stdout));
  Deno.mkdirSync(npmCache, { recursive: true });
  Deno.mkdirSync(`${folder}/cache`);
  Deno.symlinkSync(npmCache, `${folder}/cache/npm`, { type: "junction" });
  return `${folder}/cache`;
}

Deno.test("mod.ts does its work when it is imported by URL, in its Workers too", async () => {
  const folder = Deno.makeTempDirSync();
  const { url, served, missed, server } = serveProject();
  try {
    await writeTrainingSet(folder);
    await writeSmallModel(`${folder}/model.safetensors`);
    Deno.writeTextFileSync(`${folder}/program.js`, program(url, folder));
    const host = `127.0.0.1:${server.addr.port}`;
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--no-config",
        "--no-lock",
        `--allow-import=${host}`,
        `--allow-net=${host}`,
        ...["read", "write", "env", "sys", "ffi"].map((what) => `--allow-${what}`),
        `${folder}/program.js`,
      ],
      cwd: folder,
      env: { DENO_DIR: ownCache(folder), NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const errors = new TextDecoder().decode(stderr);
    assert.equal(code, 0, errors);
    const found = JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!);

    assert.equal(found.records, PEOPLE * IMAGES);
    assert.match(found.codec, /wasm|WebAssembly/i);
    const plain = Array.from({ length: PEOPLE * IMAGES }, () => [16 * 16 * 3, 20, null]);
    assert.deepEqual(found.decoded, [...plain, [16 * 16 * 3, 20, 0]]);
    found.middles.forEach((middle: number, i: number) => assert.ok(Math.abs(middle - level(i % 8)) <= 2, `image ${i}`));
    assert.equal(found.accuracy, 1);
    assert.equal(found.mistake, true);
    if (found.adapter) assert.deepEqual(found.embeddings, [3 * 8, true]);

    assert.deepEqual(missed, []);
    assert.ok(served.includes("lib/data/image_decoder_worker.ts"), "the decoding Worker came by URL");
  } finally {
    await server.shutdown();
    Deno.removeSync(folder, { recursive: true });
  }
});
