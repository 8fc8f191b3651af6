import assert from "node:assert/strict";
import { createCodec } from "../../lib/data/image_codec.ts";
import { encodeImageRecord } from "../../lib/data/image_record.ts";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { RecordWriter } from "../../lib/data/record_writer.ts";
import { withFolder } from "../temporary_folder.ts";

const script = new URL("../../cli/convert.ts", import.meta.url).pathname;

interface Outcome {
  code: number;
  out: string;
  error: string;
}

function convert(...args: string[]): Outcome {
  return run(Deno.execPath(), ["run", "--quiet", "-A", script, ...args]);
}

function run(program: string, args: string[]): Outcome {
  const { code, stdout, stderr } = new Deno.Command(program, { args, env: { NO_COLOR: "1" } }).outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

/** A mistake is one line on standard error and exit code 2. */
function refused({ code, out, error }: Outcome, message: RegExp): void {
  assert.match(error, message);
  assert.equal(error.match(/\n/g)?.length, 1, error);
  assert.deepEqual([code, out], [2, ""]);
}

/** The header of a JPEG, made different by a number. */
function header(number: number, length = 16): Uint8Array {
  const bytes = new Uint8Array(length).fill(number);
  bytes.set([0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 112, 0, 112, 1, 1, 0x11, 0]);
  return bytes;
}

function writeRecords(folder: string, count: number, length?: number): void {
  Deno.mkdirSync(folder, { recursive: true });
  using writer = RecordWriter.create(`${folder}/train.rec`);
  for (let id = 0; id < count; id++) {
    writer.write(id, encodeImageRecord({ label: id % 7, id, image: header(id, length) }));
  }
  writer.finish();
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
}

Deno.test("convert rec, pack, bin and pack-bin give back what they were given", () =>
  withFolder((folder) => {
    writeRecords(`${folder}/set`, 20);
    assert.deepEqual(convert("rec", `${folder}/set/train.rec`, `${folder}/out`), {
      code: 0,
      out: `${folder}/out: 20 images of 7 classes\n`,
      error: "",
    });
    const packed = convert("pack", `${folder}/out`, `${folder}/packed`);
    assert.deepEqual(packed, { code: 0, out: `${folder}/packed: 20 images of 7 classes, 112x112\n`, error: "" });
    assert.deepEqual(names(`${folder}/packed`), ["property", "train.idx", "train.rec"]);

    writePairSet(`${folder}/two.bin`, { images: [0, 1, 2, 3].map((i) => header(i)), same: [true, false] });
    assert.equal(convert("bin", `${folder}/two.bin`, `${folder}/sets`).out, `${folder}/sets/two: 2 pairs\n`);
    const again = convert("pack-bin", `${folder}/sets/two/pair.list`, `${folder}/again.bin`);
    assert.equal(again.out, `${folder}/again.bin: 2 pairs, 1 same, 1 different\n`);
    assert.deepEqual(Deno.readFileSync(`${folder}/again.bin`), Deno.readFileSync(`${folder}/two.bin`));
  }));

Deno.test("convert inspect prints a report or JSON, and exits with 1 where an image is corrupt", () =>
  withFolder(async (folder) => {
    using codec = await createCodec("wasm");
    const good = codec.encodeJpeg({ width: 16, height: 16, pixels: new Uint8Array(768).fill(80) });
    writePairSet(`${folder}/good.bin`, { images: [good, good], same: [true] });
    writePairSet(`${folder}/bad.bin`, { images: [good, good.subarray(0, 200)], same: [false] });
    const report = convert("inspect", `${folder}/good.bin`);
    assert.equal(report.code, 0);
    assert.match(report.out, /pairs +1: 1 same, 0 different\n +sizes +16x16 \(2\)\n +corrupt +0\n$/);
    const { code, out } = convert("inspect", `${folder}/bad.bin`, "--json");
    assert.equal(code, 1);
    const { kind, corrupt, corruptImages } = JSON.parse(out);
    assert.deepEqual([kind, corrupt, corruptImages[0].name], ["pair set", 1, "image 1 (pair 0)"]);
  }));

Deno.test("convert rec continues after it was killed", () =>
  withFolder(async (folder) => {
    writeRecords(`${folder}/set`, 1500);
    const args = ["run", "--quiet", "-A", script, "rec", `${folder}/set`, `${folder}/out`];
    const process = new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).spawn();
    const isWorking = () => {
      try {
        return names(`${folder}/.out.partial/images`).length > 100;
      } catch {
        return false;
      }
    };
    const isOver = process.status.then(() => true);
    while (!isWorking() && !(await Promise.race([isOver, new Promise((go) => setTimeout(go, 5))])));
    try {
      process.kill("SIGKILL");
    } catch { /* it was quicker */ }
    if ((await process.status).success) return;
    assert.deepEqual(names(folder), [".out.partial", "set"]);
    const { out } = convert("rec", `${folder}/set`, `${folder}/out`);
    assert.match(out, /1500 images of 7 classes \(continued\)/);
    assert.equal(names(`${folder}/out/images`).length, 1500);
    assert.equal(Deno.readTextFileSync(`${folder}/out/label.txt`).split("\n").length, 1501);
    assert.deepEqual(Deno.readFileSync(`${folder}/out/images/00000101.jpg`), header(101));
    assert.deepEqual(names(folder), ["out", "set"]);
  }));

Deno.test("convert says in one line what is wrong with the input", () =>
  withFolder((folder) => {
    const out = `${folder}/out`;
    refused(convert("rec", `${folder}/none.rec`, out), /^error: Cannot read records of .*none\.rec: no such file/);
    Deno.writeFileSync(`${folder}/a.rec`, new Uint8Array());
    refused(convert("rec", `${folder}/a.rec`, out), /a\.rec: expected records, found an empty file/);
    Deno.writeTextFileSync(`${folder}/a.rec`, "not records");
    refused(convert("rec", `${folder}/a.rec`, out), /byte 0 of .*a\.rec: expected magic 0xced7230a, found 0x20746f6e/);
    Deno.removeSync(`${folder}/a.rec`);

    writeRecords(`${folder}/set`, 9);
    Deno.writeTextFileSync(`${folder}/set/property`, "6,112,112");
    refused(convert("rec", `${folder}/set`, out), /key 6 of .*: expected a label from 0 to 5, found 6/);
    Deno.writeTextFileSync(`${folder}/set/train.idx`, "0\t0\n1\t4000\n");
    refused(convert("rec", `${folder}/set`, out), /train\.idx: line 2 \(key 1\) points to byte 4000 .*past the end/);
    refused(convert("inspect", `${folder}/set`), /train\.idx: line 2/);
    assert.deepEqual(names(folder), ["set"]);
  }));

Deno.test("convert says in one line that the output cannot be written", () =>
  withFolder((folder) => {
    writeRecords(`${folder}/set`, 40, 4000);
    const rec = (out: string) => convert("rec", `${folder}/set`, out);
    assert.equal(rec(`${folder}/out`).code, 0);
    refused(rec(`${folder}/out`), /out: it exists already; choose another name, or give --force/);
    refused(convert("pack", `${folder}/out`, `${folder}/set/train.rec`), /expected a folder, found a file/);
    refused(rec("/proc/out"), /Cannot write \/proc\/out: /);

    // A limit on the size of files stands for a full disk: the same path, another code of the system.
    const limited = (...args: string[]) =>
      run("sh", ["-c", 'ulimit -f 20 && exec "$0" run -A "$@"', Deno.execPath(), script, ...args]);
    refused(limited("pack", `${folder}/out`, `${folder}/packed`), /Cannot write .*packed\/train\.rec: .*limit/);
    assert.deepEqual(names(folder), ["out", "set"]);
  }));

Deno.test("convert cleans up on a full disk", () =>
  withFolder((folder) => {
    const disk = `${folder}/disk`;
    Deno.mkdirSync(disk);
    const mounted = mount(disk);
    if (!mounted) return; // only root may mount; the limit in the test above takes the same path
    try {
      writeRecords(`${folder}/set`, 40, 4000);
      assert.equal(convert("rec", `${folder}/set`, `${folder}/out`).code, 0);
      const full = /^error: Cannot write .*: no space left on the device/;
      refused(convert("rec", `${folder}/set`, `${disk}/deep/out`), full);
      refused(convert("pack", `${folder}/out`, `${disk}/packed`), full);
      const pairs = Array.from({ length: 20 }, (_, i) => `images/000000${10 + i}.jpg images/00000001.jpg 0\n`).join("");
      Deno.writeTextFileSync(`${folder}/out/pair.list`, pairs);
      refused(convert("pack-bin", `${folder}/out/pair.list`, `${disk}/x.bin`), full);
      assert.deepEqual(names(disk), []);
    } finally {
      run("umount", [disk]);
    }
  }));

function mount(path: string): boolean {
  try {
    return run("mount", ["-t", "tmpfs", "-o", "size=64k", "none", path]).code === 0;
  } catch {
    return false;
  }
}

Deno.test("convert names the right command or option in one line", () => {
  refused(convert("pak", "a", "b"), /^error: unknown command 'pak' \(Did you mean pack\?\)$/m);
  refused(convert("rec", "a", "b", "--forse"), /^error: unknown option '--forse' \(Did you mean --force\?\)$/m);
  refused(convert("rec", "a"), /^error: missing required argument 'out'$/m);
  const { code, out } = convert("rec", "--help");
  assert.equal(code, 0);
  assert.match(out, /--force +replace the output/);
});
