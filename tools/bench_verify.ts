// deno-lint-ignore-file no-console -- a command prints
/**
 * How fast verification is, apart from the network: 6,000 pairs of 512 numbers against the same protocol in NumPy and scikit-learn
 * (where Python has them), and `verify ijb` on features of IJB-C's size, as a whole process with its memory.
 *
 *     deno task bench:verify [--share 0.1] [--python /usr/bin/python3]
 */
import { hash32 } from "../lib/data/random.ts";
import { Command, InvalidArgumentError } from "../lib/deps/commander.ts";
import { NpyWriter, writeNpy } from "../lib/eval/npy.ts";
import { evaluatePairs } from "../lib/eval/pairs.ts";
import { fill, unit } from "./golden/fill.ts";
import { runTool } from "./run_tool.ts";

/** IJB-C: images, templates, subjects, pairs, and how many of those are of one person. */
const IMAGES = 469_375, TEMPLATES = 23_124, SUBJECTS = 3_531, PAIRS = 15_658_489, SAME = 19_557;
const DIM = 512;

/** Six thousand pairs, half of them of one person. */
function benchPairs(folder: string, python: string): void {
  const pairs = 6000;
  const same = Array.from({ length: pairs }, (_, k) => Math.floor(k / 300) % 2 === 0);
  const [first, other, jitter] = [1, 2, 3].map((seed) => fill(seed, pairs * DIM));
  const rows = new Float32Array(2 * pairs * DIM);
  for (let k = 0; k < pairs; k++) {
    for (let d = 0; d < DIM; d++) {
      const at = k * DIM + d;
      rows[2 * k * DIM + d] = first[at];
      rows[(2 * k + 1) * DIM + d] = same[k] ? first[at] + (1 + 12 * unit(4, k)) * jitter[at] : other[at];
    }
  }
  const times: number[] = [];
  let ours = evaluatePairs(rows, same);
  for (let i = 0; i < 9; i++) {
    const start = performance.now();
    ours = evaluatePairs(rows, same);
    times.push((performance.now() - start) / 1000);
  }
  const seconds = times.sort((a, b) => a - b)[4];
  console.log(
    `6,000 pairs of ${DIM}: ${
      (1000 * seconds).toFixed(0)
    } ms, accuracy ${ours.accuracy}, VAL ${ours.val}, AUC ${ours.auc}`,
  );
  writeNpy(`${folder}/rows.npy`, rows, { shape: [2 * pairs, DIM] });
  writeNpy(`${folder}/same.npy`, Uint8Array.from(same, Number), { dtype: "uint8" });
  const script = new URL("peers/pairs.py", import.meta.url).pathname;
  let peer: { seconds: number; accuracy: number; val: number; auc: number };
  try {
    const { success, stdout, stderr } = new Deno.Command(python, {
      args: ["-B", script, "time", `${folder}/rows.npy`, `${folder}/same.npy`],
    }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim().split("\n").at(-1));
    peer = JSON.parse(new TextDecoder().decode(stdout));
  } catch (error) {
    console.log(`  SKIPPED NumPy and scikit-learn: ${(error as Error).message}`);
    return;
  }
  const apart = Math.max(...(["accuracy", "val", "auc"] as const).map((name) => Math.abs(peer[name] - ours[name])));
  console.log(
    `  NumPy and scikit-learn: ${peer.seconds.toFixed(2)} s, ${
      (peer.seconds / seconds).toFixed(0)
    } times as long; figures differ by ${apart.toExponential(1)}`,
  );
}

/** A benchmark's lists and features; `share` of IJB-C's images, templates and pairs. */
function writeBenchmark(folder: string, share: number): void {
  const [images, templates, pairs] = [IMAGES, TEMPLATES, PAIRS].map((count) => Math.round(share * count));
  const subjects = Math.max(2, Math.round(share * SUBJECTS));
  Deno.mkdirSync(`${folder}/meta`, { recursive: true });
  const meta = (name: string, count: number, line: (i: number) => string) => {
    using file = Deno.openSync(`${folder}/meta/ijbc_${name}`, { write: true, create: true });
    const encoder = new TextEncoder();
    for (let first = 0; first < count; first += 65_536) {
      let text = "";
      for (let i = first; i < Math.min(first + 65_536, count); i++) text += line(i) + "\n";
      const bytes = encoder.encode(text);
      for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    }
  };
  const templateOf = (i: number) => 1 + (i < templates ? i : hash32(i) % templates);
  const subjectOf = (template: number) => template % subjects;
  meta("face_tid_mid.txt", images, (i) => `${i + 1}.jpg ${templateOf(i)} ${hash32(i + 7) % 140_000}`);
  const points = "38.29 51.69 73.53 51.50 56.02 71.73 41.54 92.36 70.72 92.20";
  meta("name_5pts_score.txt", images, (i) => `${i + 1}.jpg ${points} 0.9${hash32(i) % 10}`);
  const own = Math.max(1, Math.round(share * SAME));
  meta("template_pair_label.txt", pairs, (k) => {
    const first = 1 + Math.floor(k / pairs * templates); // long runs of one template, as in the benchmark
    const hop = subjects * (1 + hash32(k) % Math.max(1, Math.floor(templates / subjects) - 1));
    const second = hash32(k ^ 0x5bd1) % pairs < own ? 1 + (first - 1 + hop) % templates : 1 + hash32(k) % templates;
    return `${first} ${second} ${subjectOf(first) === subjectOf(second) ? 1 : 0}`;
  });
  const centers = fill(1, subjects * DIM);
  const noise = fill(2, 1 << 20);
  using file = NpyWriter.create(`${folder}/features.npy`, [DIM]);
  const rows = new Float32Array(1024 * DIM);
  for (let first = 0; first < images; first += 1024) {
    const count = Math.min(1024, images - first);
    for (let i = 0; i < count; i++) {
      const center = subjectOf(templateOf(first + i)) * DIM;
      const shift = hash32(first + i) & 0xfffff;
      for (let d = 0; d < DIM; d++) rows[i * DIM + d] = centers[center + d] + 9 * noise[(shift + d) & 0xfffff];
    }
    file.write(rows.subarray(0, count * DIM));
  }
  file.finish();
}

function benchIjb(folder: string, share: number): void {
  const start = performance.now();
  writeBenchmark(folder, share);
  console.log(
    `\nfeatures and lists of ${share === 1 ? "" : `${share} of `}IJB-C's size made in ${
      ((performance.now() - start) / 1000).toFixed(0)
    } s`,
  );
  const time = "/usr/bin/time";
  const isTimed = exists(time);
  const command = [
    ...isTimed ? [time, "-f", "%M %e %U"] : [],
    ...[Deno.execPath(), "run", "-A", new URL("../cli/verify.ts", import.meta.url).pathname],
    ...[
      "ijb",
      "--target",
      "IJBC",
      "--root",
      folder,
      "--embeddings",
      `${folder}/features.npy`,
      "--out",
      `${folder}/out`,
    ],
  ];
  const begun = performance.now();
  const { success, stdout, stderr } = new Deno.Command(command[0], { args: command.slice(1), env: { NO_COLOR: "1" } })
    .outputSync();
  const seconds = (performance.now() - begun) / 1000;
  const said = new TextDecoder().decode(stderr).trim();
  if (!success) throw new Error(`verify ijb failed: ${said}`);
  console.log(new TextDecoder().decode(stdout).trimEnd());
  const memory = isTimed
    ? `, ${(Number(said.split("\n").at(-1)!.split(" ")[0]) / 2 ** 20).toFixed(2)} GiB resident at most`
    : "";
  console.log(`verify ijb, the whole process: ${seconds.toFixed(1)} s${memory}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

if (import.meta.main) {
  const command = new Command("bench_verify")
    .description("Times the pair protocol against NumPy and scikit-learn, and verify ijb on features of IJB-C's size.")
    .option("--share <share>", "of IJB-C's size", (text) => {
      const value = Number(text);
      if (text.trim() !== "" && value > 0 && value <= 1) return value;
      throw new InvalidArgumentError("Expected a share above 0 and at most 1.");
    }, 1)
    .option("--python <program>", "a Python with NumPy and scikit-learn", "python3")
    .action(({ share, python }) => {
      const folder = Deno.makeTempDirSync({ prefix: "centerbias-bench-" });
      try {
        benchPairs(folder, python);
        benchIjb(folder, share);
      } finally {
        Deno.removeSync(folder, { recursive: true });
      }
    });
  await runTool(command as unknown as Command);
}
