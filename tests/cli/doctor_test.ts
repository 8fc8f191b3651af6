import assert from "node:assert/strict";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { createCodec } from "../../lib/data/image_codec.ts";
import { withFolder } from "../temporary_folder.ts";

interface Finished {
  code: number;
  out: string;
  err: string;
}

async function doctor(args: string[], env: Record<string, string> = {}): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", "--no-lock", "cli/doctor.ts", ...args],
    env,
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** An environment in which no Vulkan driver is found. */
const NO_ADAPTER = {
  VK_DRIVER_FILES: "/nowhere/none.json",
  VK_ICD_FILENAMES: "/nowhere/none.json",
  DENO_WEBGPU_BACKEND: "vulkan",
};

Deno.test("doctor looks at adapter, kernels, codec, disk and memory, and all is well", async () => {
  const { code, out, err } = await doctor(["--seed", "7"]);
  assert.equal(code, 0, out + err);
  assert.match(out, /^deno {5}\d+\.\d+\.\d+ \(/);
  for (const what of [/^memory +[\d.]+ [KMGT]iB of/m, /^disk +[\d.]+ [KMGT]iB of .* free at \//m, /^codec +\S/m]) {
    assert.match(out, what);
  }
  for (const what of [/^adapter +\S/m, /^features /m, /^limit +maxBufferSize /m, /^kernels +seed 7$/m]) {
    assert.match(out, what);
  }
  for (const kernel of ["conv2d", "batch norm", "sgd", "update centers", "unpack"]) {
    assert.match(out, new RegExp(`^  ok     ${kernel} `, "m"));
  }
  assert.match(out, /\nall is well\n$/);
});

Deno.test("without an adapter doctor says in one line what to install, and what else it found; exit code 1", async () => {
  const { code, out, err } = await doctor([], NO_ADAPTER);
  assert.equal(code, 1);
  assert.match(err, /^error: Cannot start WebGPU: [^\n]*apt-get install mesa-vulkan-drivers[^\n]*\n$/);
  assert.match(out, /^codec/m);
  assert.doesNotMatch(out, /all is well/);
});

Deno.test("doctor --json --data counts corrupt images by decoding them; exit code 1", async () => {
  await withFolder(async (folder) => {
    using codec = await createCodec("wasm");
    const good = codec.encodeJpeg({ width: 8, height: 8, pixels: new Uint8Array(8 * 8 * 3).fill(90) });
    writePairSet(`${folder}/set.bin`, { images: [good, good, good.slice(0, 99), good], same: [true, false] });
    const { code, out } = await doctor(["--json", "--data", `${folder}/set.bin`, `${folder}/none.bin`], NO_ADAPTER);
    assert.equal(code, 1);
    const report = JSON.parse(out);
    assert.equal(report.data.length, 1);
    assert.deepEqual([report.data[0].images, report.data[0].corrupt], [4, 1]);
    assert.equal(report.problems.length, 3);
    assert.match(report.problems[1], /set\.bin: 1 of 4 images are corrupt$/);
    assert.match(report.problems[2], /none\.bin/);
    assert.ok(report.machine.memory.total > 0 && report.codec.name);
    assert.deepEqual(report.gpu.kernels, []);
  });
});

Deno.test("doctor: a mistake in the command line is one line, exit code 2", async () => {
  for (const args of [["--sede", "1"], ["--seed", "x"], ["--data"]]) {
    const { code, err } = await doctor(args);
    assert.equal(code, 2);
    assert.match(err, /^error: [^\n]*\n$/);
  }
});
