import assert from "node:assert/strict";
import { createCodec } from "../../lib/data/image_codec.ts";
import { compareFaces } from "../../lib/eval/compare_faces.ts";
import { readNpy } from "../../lib/eval/npy.ts";
import { asTensorData, modelMetadata } from "../../lib/model/model_file.ts";
import { writeSafetensors } from "../../lib/model/safetensors.ts";
import { randomModel } from "../model/random_model.ts";
import { withFolder } from "../temporary_folder.ts";

interface Outcome {
  code: number;
  out: string;
  error: string;
}

/** Runs a command with a quiet driver. */
function run(command: string, ...args: string[]): Outcome {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", new URL(`../../cli/${command}.ts`, import.meta.url).pathname, ...args],
    env: { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" },
  }).outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

/** A mistake is one line at the end of standard error and exit code 2. */
function refused({ code, out, error }: Outcome, message: RegExp): void {
  assert.match(error, message);
  assert.deepEqual([code, out], [2, ""]);
}

/** A model of a size that other tests compile too, and two JPEG images. */
async function prepare(folder: string): Promise<{ model: string; a: string; b: string }> {
  const stored = randomModel({ model: "iresnet18", width: 1 / 16, imageSize: 16, embeddingSize: 16 });
  writeSafetensors(`${folder}/model.safetensors`, asTensorData(stored.state), modelMetadata(stored));
  using codec = await createCodec("wasm");
  Deno.mkdirSync(`${folder}/photos`);
  for (const [i, name] of ["a", "b"].entries()) {
    const pixels = Uint8Array.from({ length: 768 }, (_, k) => (k * (i + 2) * 37) % 256);
    Deno.writeFileSync(`${folder}/photos/${name}.jpg`, codec.encodeJpeg({ width: 16, height: 16, pixels }));
  }
  return { model: `${folder}/model.safetensors`, a: `${folder}/photos/a.jpg`, b: `${folder}/photos/b.jpg` };
}

Deno.test("embed writes embeddings and names, compare finds the same similarity in them", () =>
  withFolder(async (folder) => {
    const { model, a, b } = await prepare(folder);
    const embedded = run("embed", `${folder}/photos`, "--model", model, "--out", `${folder}/e.npy`);
    assert.equal(embedded.code, 0, embedded.error);
    assert.match(embedded.out, /e.npy: 2 x 16, [\d.]+ images\/s; names in .*e.txt\n$/);
    assert.equal(Deno.readTextFileSync(`${folder}/e.txt`), `${a}\n${b}\n`);
    const { similarity } = compareFaces(readNpy(`${folder}/e.npy`).data as Float32Array);
    const compared = run("compare", a, b, "--model", model, "--threshold", "1", "--json");
    const { same, ...rest } = JSON.parse(compared.out);
    assert.ok(Math.abs(rest.similarity - similarity) < 1e-5, `${rest.similarity} ${similarity}`);
    assert.equal(same, false);
    const itself = run("compare", a, a, "--model", model, "--threshold", "0.9", "--flip");
    assert.match(itself.out, /^similarity 1.0000, angle 0.0 degrees\nsame person: at or above the threshold 0.9\n$/);
  }));

Deno.test("embed and compare: mistakes are one line", () =>
  withFolder(async (folder) => {
    const { model, a } = await prepare(folder);
    refused(run("embed", `${folder}/none`, "--model", model, "--out", `${folder}/e.npy`), /no such file or folder/);
    refused(run("embed", a, "--model", model, "--out", `${folder}/e.csv`), /expected a name ending in .npy/);
    refused(run("embed", a, "--out", `${folder}/e.npy`), /required option '--model <path>' not specified/);
    refused(run("compare", a, model, "--model", model), /Cannot use image .*expected a JPEG or PNG file/);
    refused(run("compare", a, a, "--model", model, "--threshold", "2"), /similarity from -1 to 1/);
    refused(run("compare", a, a, "--model", a), /Cannot (load|read) .*a.jpg/);
  }));
