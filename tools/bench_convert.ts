// deno-lint-ignore-file no-console -- a command prints
/**
 * How fast `convert rec` is, as a whole process, against `cp -r` of the same output and, where Python has PIL or cv2,
 * against decoding and re-encoding the same images. Also its memory on a small and a large set.
 *
 *     deno run -A tools/bench_convert.ts [records] [rounds]
 */
import Table from "../lib/deps/cli_table.ts";
import { exists } from "../lib/data/exists.ts";
import { createCodec } from "../lib/data/image_codec.ts";
import { encodeImageRecord } from "../lib/data/image_record.ts";
import { RecordWriter } from "../lib/data/record_writer.ts";

const records = Number(Deno.args[0] ?? 50_000);
const rounds = Number(Deno.args[1] ?? 3);
const convert = new URL("../cli/convert.ts", import.meta.url).pathname;

/** A set of small faces' size: `count` JPEG files of 112x112 with some detail, each a little different. */
async function makeSet(folder: string, count: number): Promise<void> {
  using codec = await createCodec("auto");
  const variants = Array.from({ length: 64 }, (_, v) => {
    const pixels = new Uint8Array(112 * 112 * 3);
    let state = v + 1;
    for (let i = 0; i < pixels.length; i++) {
      state = Math.imul(state, 1664525) + 1013904223 >>> 0;
      pixels[i] = 128 + 90 * Math.sin((i + 40 * v) / 500) + (state >>> 27);
    }
    return codec.encodeJpeg({ width: 112, height: 112, pixels });
  });
  Deno.mkdirSync(folder);
  using writer = RecordWriter.create(`${folder}/train.rec`);
  for (let id = 0; id < count; id++) {
    writer.write(id, encodeImageRecord({ label: id % 1000, id, image: variants[id % variants.length] }));
  }
  writer.finish();
  Deno.writeTextFileSync(`${folder}/property`, "1000,112,112\n");
}

/** Seconds and the greatest memory in MiB of a process that ran to its end. */
function measure(...command: string[]): { seconds: number; memory: number | undefined } {
  const time = "/usr/bin/time";
  const isTimed = exists(time);
  const [program, ...args] = isTimed ? [time, "-f", "%M", ...command] : command;
  const start = performance.now();
  const { code, stderr } = new Deno.Command(program, { args, stdout: "null", stderr: "piped" }).outputSync();
  const seconds = (performance.now() - start) / 1000;
  const text = new TextDecoder().decode(stderr).trim();
  if (code !== 0) throw new Error(`${command.join(" ")}: ${text}`);
  return { seconds, memory: isTimed ? Number(text.split("\n").at(-1)) / 1024 : undefined };
}

const REENCODE = `
import os, sys
try:
    import cv2, numpy
    def work(data):
        image = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), cv2.IMREAD_COLOR)
        return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
except ImportError:
    import io
    from PIL import Image
    def work(data):
        out = io.BytesIO()
        Image.open(io.BytesIO(data)).convert("RGB").save(out, "JPEG", quality=100)
        return out.getvalue()
source, out = sys.argv[1:]
if source:
    os.mkdir(out)
    for name in os.listdir(source):
        open(os.path.join(out, name), "wb").write(work(open(os.path.join(source, name), "rb").read()))
`;

function hasPython(): boolean {
  try {
    const { code } = new Deno.Command("python3", { args: ["-c", REENCODE, "", ""], stderr: "null" }).outputSync();
    return code === 0;
  } catch {
    return false;
  }
}

const folder = Deno.makeTempDirSync({ prefix: "centerbias-bench-" });
try {
  await makeSet(`${folder}/set`, records);
  await makeSet(`${folder}/small`, Math.ceil(records / 10));
  const bytes = Deno.statSync(`${folder}/set/train.rec`).size;
  console.log(`${records} records of ${Math.round(bytes / records)} bytes, best of ${rounds}; ${folder}`);

  const run = (source: string, out: string) => measure(Deno.execPath(), "run", "-A", convert, "rec", source, out);
  const best = new Map<string, number>();
  const keep = (name: string, seconds: number) => best.set(name, Math.min(seconds, best.get(name) ?? Infinity));
  let memory: number | undefined;
  const withPython = hasPython();
  for (let round = 0; round < rounds; round++) {
    const converted = run(`${folder}/set`, `${folder}/out`);
    memory = converted.memory;
    keep("convert rec", converted.seconds);
    keep("cp -r", measure("cp", "-r", `${folder}/out`, `${folder}/copy`).seconds);
    if (withPython && round === 0) {
      const { seconds } = measure("python3", "-c", REENCODE, `${folder}/out/images`, `${folder}/python`);
      keep("Python, decode and re-encode", seconds);
      Deno.removeSync(`${folder}/python`, { recursive: true });
    }
    for (const name of ["out", "copy"]) Deno.removeSync(`${folder}/${name}`, { recursive: true });
  }
  const small = run(`${folder}/small`, `${folder}/out`).memory;

  const table = new Table({ head: ["", "seconds", "images/s", "of cp's speed"], style: { head: [], border: [] } });
  const copy = best.get("cp -r")!;
  for (const [name, seconds] of best) {
    table.push([name, seconds.toFixed(2), (records / seconds).toFixed(0), `${(copy / seconds * 100).toFixed(0)} %`]);
  }
  console.log(table.toString());
  if (!withPython) console.log("Python with PIL or cv2: not here");
  if (memory !== undefined && small !== undefined) {
    console.log(`memory: ${memory.toFixed(0)} MiB on ${records} records, ${small.toFixed(0)} MiB on a tenth`);
  }
  if (copy / best.get("convert rec")! < 0.5) {
    console.error("convert rec is below half of cp's throughput");
    Deno.exitCode = 1;
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}
