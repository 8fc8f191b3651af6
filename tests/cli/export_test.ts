import assert from "node:assert/strict";
import { asTensorData, modelMetadata } from "../../lib/model/model_file.ts";
import { readOnnxMetadata } from "../../lib/model/onnx_metadata.ts";
import { readModel } from "../../lib/model/read_model.ts";
import { openSafetensors, writeSafetensors } from "../../lib/model/safetensors.ts";
import { randomModel, SMALL } from "../model/random_model.ts";
import { dict, torchFile } from "../model/torch_bytes.ts";
import { withFolder } from "../temporary_folder.ts";

const script = new URL("../../cli/export.ts", import.meta.url).pathname;

interface Outcome {
  code: number;
  out: string;
  error: string;
}

function run(...args: string[]): Outcome {
  const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", script, ...args],
    env: { NO_COLOR: "1" },
  }).outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

/** A mistake is one line on standard error and exit code 2. */
function refused({ code, out, error }: Outcome, message: RegExp): void {
  assert.match(error, message);
  assert.equal(error.match(/\n/g)?.length, 1, error);
  assert.deepEqual([code, out], [2, ""]);
}

Deno.test("export: from a run to every format and back, the same weights", () =>
  withFolder((folder) => {
    const model = randomModel({ model: "mbf", ...SMALL });
    Deno.mkdirSync(`${folder}/exp1`);
    writeSafetensors(`${folder}/exp1/checkpoint_12.safetensors`, asTensorData(model.state), {
      ...modelMetadata(model),
      format: "centerbias checkpoint 1",
      run_state: JSON.stringify({ epoch: 3, step: 12 }),
      run_identity: "{}",
      run: "work_dirs/x/exp1",
    });
    const outcome = run(`${folder}/exp1`, `${folder}/a.pth`);
    assert.deepEqual(outcome.error, "");
    assert.match(outcome.out, /a.pth: mbf, width 0.0625, images 32x32 RGB, embeddings of 16, \d+ kB\n$/);
    assert.equal(run(`${folder}/a.pth`, `${folder}/b.safetensors`).code, 0);
    assert.equal(run(`${folder}/exp1`, `${folder}/c.safetensors`).code, 0);
    for (const name of ["a.pth", "b.safetensors", "c.safetensors"]) {
      assert.deepEqual(readModel(`${folder}/${name}`).state, model.state);
    }
    using file = openSafetensors(`${folder}/c.safetensors`);
    assert.deepEqual(file.metadata, { epoch: "3", step: "12", run: "work_dirs/x/exp1", ...modelMetadata(model) });
    assert.equal(run(`${folder}/exp1`, `${folder}/d.onnx`, "--fold").code, 0);
    const { metadata } = readOnnxMetadata(`${folder}/d.onnx`);
    assert.deepEqual(
      [metadata.color_order, metadata.batch_norm, metadata.model, metadata.epoch, metadata.run_state],
      ["RGB", "folded", "mbf", "3", undefined],
    );
  }));

Deno.test("export: mistakes are one line, and nothing is left behind", () =>
  withFolder((folder) => {
    const model = randomModel({ model: "mbf", ...SMALL });
    const path = `${folder}/m.safetensors`;
    writeSafetensors(path, asTensorData(model.state), modelMetadata(model));
    refused(run(path, `${folder}/a.tflite`), /expected a name ending in .onnx, .safetensors or .pth/);
    refused(run(path, `${folder}/a.pth`, "--fold"), /Cannot fold batch-norms in .*a.pth/);
    refused(run(path, `${folder}/none/a.onnx`), /Cannot write .*none\/a.onnx: no such file or folder/);
    refused(run(path, path), /it exists already/);
    refused(
      run(path, `${folder}/a.onnx`, "--backbone", "iresnet18"),
      /do not fit iresnet18 .*missing .*; not expected/,
    );
    refused(run(path, `${folder}/a.onnx`, "--froce"), /unknown option '--froce' \(Did you mean --force\?\)/);
    refused(run(`${folder}/none`, `${folder}/a.onnx`), /found nothing there/);
    Deno.writeFileSync(`${folder}/evil.pth`, torchFile("cos\nsystem\nX\x04\x00\x00\x00true\x85R"));
    refused(run(`${folder}/evil.pth`, `${folder}/a.onnx`), /the pickle names os.system, .*nothing of it was run/);
    Deno.writeFileSync(`${folder}/cut.pth`, torchFile(dict({})).slice(0, 150));
    refused(run(`${folder}/cut.pth`, `${folder}/a.onnx`), /end of a zip archive, found none .* cut short/);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
      "cut.pth",
      "evil.pth",
      "m.safetensors",
    ]);
  }));
