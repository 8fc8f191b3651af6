import assert from "node:assert/strict";
import { writePairSet } from "../../lib/data/pair_set.ts";
import { createCodec } from "../../lib/data/image_codec.ts";
import { syntheticFace } from "../../lib/data/synthetic_face.ts";
import { makeSoftwareAdapters, noSoftwareAdapters } from "../gpu/software_adapters.ts";
import { withFolder } from "../temporary_folder.ts";
import { commandOf } from "./run_command.ts";

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
    const good = codec.encodeJpeg({ width: 8, height: 8, pixels: new Uint8Array(8 * 8 * 3).map((_, i) => i) });
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

Deno.test("doctor --data finds copies in a folder's sets, writes them to a file, and exits with 1 for what is wrong", () =>
  withFolder(async (folder) => {
    using codec = await createCodec("wasm");
    const [ann, bob, eve] = [1, 2, 3].map((identity) =>
      codec.encodeJpeg({ width: 112, height: 112, pixels: syntheticFace({ identity, sample: 0 }) })
    );
    const write = (names: Record<string, Uint8Array>) => {
      for (const [name, image] of Object.entries(names)) Deno.writeFileSync(`${folder}/${name}.jpg`, image);
      Deno.writeTextFileSync(
        `${folder}/label.txt`,
        Object.keys(names).map((name) => `${name}.jpg ${name[0]}\n`).join(""),
      );
    };
    write({ a1: ann, a2: ann, b1: bob });
    writePairSet(`${folder}/lfw.bin`, { images: [eve, eve], same: [true] });
    const out = `${folder}/findings.csv`;
    const harmless = await doctor(["--data", folder, "--out", out], NO_ADAPTER);
    assert.match(harmless.err, /^error: Cannot start WebGPU[^\n]*\n$/); // and nothing else
    assert.match(harmless.out, /alone in their class +1\n +\S+ b1\.jpg \(line 3\) \(class 1\)\n/);
    assert.match(harmless.out, /another image of their class +1\n +\S+ a2\.jpg .* of \S+ a1\.jpg .*: the same bytes\n/);
    assert.match(Deno.readTextFileSync(out), /^kind,.*\ncopy,.*\nsingle,.*\ntwins,.*\n$/);

    write({ a1: ann, b1: ann, b2: eve });
    const { err, code } = await doctor(["--data", folder, "--out", out, "--force"], NO_ADAPTER);
    assert.equal(code, 1);
    assert.match(err, /^error: copies of an image of another class: 1$/m);
    assert.match(err, /^error: verification images that are trained on: 2$/m);
    assert.match(
      Deno.readTextFileSync(out),
      /^shared,\S+lfw\.bin,image 1 \(pair 0\),,\S+,b2\.jpg \(line 3\),1,the same bytes$/m,
    );

    const refused = await doctor(["--data", folder, "--out", out], NO_ADAPTER);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /^error: Cannot write [^\n]*findings\.csv: it exists already[^\n]*--force[^\n]*\n$/);
  }));

Deno.test("doctor --data stops at Ctrl-C and leaves no file", () =>
  withFolder(async (folder) => {
    using codec = await createCodec("wasm");
    const pixels = syntheticFace({ identity: 1, sample: 0 });
    Deno.writeFileSync(`${folder}/a.jpg`, codec.encodeJpeg({ width: 112, height: 112, pixels }));
    Deno.writeTextFileSync(`${folder}/label.txt`, "a.jpg 1\n".repeat(500_000)); // minutes of work
    const child = commandOf("doctor", ["--data", folder, "--out", `${folder}/findings.csv`], { env: NO_ADAPTER })
      .spawn();
    const files = () => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    while (files().length === 2) await new Promise((go) => setTimeout(go, 20));
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    assert.deepEqual([code, new TextDecoder().decode(stderr)], [130, "stopped; nothing is written\n"]);
    assert.deepEqual(files(), ["a.jpg", "label.txt"]);
  }));

Deno.test("doctor: a mistake in the command line is one line, exit code 2", async () => {
  for (const args of [["--sede", "1"], ["--seed", "x"], ["--data"], ["--out", "a.csv"]]) {
    const { code, err } = await doctor(args);
    assert.equal(code, 2);
    assert.match(err, /^error: [^\n]*\n$/);
  }
});

Deno.test("doctor --adapters without any is one line and exit code 1", async () => {
  const { code, out, err } = await doctor(["--adapters"], NO_ADAPTER);
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^error: Cannot list adapters: [^\n]*\n$/);
});

Deno.test({
  name: `doctor --adapters lists every adapter and what selects it${noSoftwareAdapters}`,
  ignore: noSoftwareAdapters !== "",
  fn: () =>
    withFolder(async (folder) => {
      const software = makeSoftwareAdapters(folder);
      const { code, out, err } = await doctor(["--adapters"], software.env);
      assert.equal(code, 0, err);
      const listed = out.split(/^(?=\d)/m);
      assert.equal(listed.length, 2);
      for (const [index, manifest] of software.manifests.entries()) {
        assert.match(listed[index], new RegExp(`^${index} +llvmpipe.*software`));
        assert.match(listed[index], new RegExp(`selected by --adapters ${index},`));
        assert.ok(listed[index].includes(` VK_DRIVER_FILES=${manifest}\n`));
      }
      const { adapters } = JSON.parse((await doctor(["--adapters", "--json"], software.env)).out);
      assert.deepEqual(adapters.map((one: { manifest: string }) => one.manifest), software.manifests);
    }),
});
