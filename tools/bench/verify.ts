import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { writeNpy } from "../../lib/eval/npy.ts";
import { evaluatePairs, type PairResult } from "../../lib/eval/pairs.ts";
import { fill, unit } from "../golden/fill.ts";
// A text: a bundle carries it along.
import program from "../peers/pairs.py" with { type: "text" };
import { alternate, type Side } from "./alternate.ts";
import { writeIjbLists } from "./ijb_lists.ts";
import { sideFigures } from "./measurement.ts";
import type { BenchOptions } from "./options.ts";
import type { Report } from "./report.ts";

/** Pairs of LFW's protocol, and length of an embedding. */
const PAIRS = 6000, DIM = 512;

/** Pythons that are asked for NumPy and scikit-learn, after what PYTHON names. */
const PYTHONS = ["python3", "/usr/bin/python3"];

/**
 * Verification apart from the network: 6,000 pairs of 512 numbers against the same protocol in NumPy and scikit-learn, where a Python
 * here has them, and `verify ijb` on embeddings of IJB-C's size (or `share` of it), as a whole process with its memory.
 */
export async function benchVerify(_gpu: Gpu, options: BenchOptions, report: Report): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "centerbias-bench-" });
  try {
    await benchPairs(folder, options, report);
    benchIjb(folder, options, report);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Pairs as [2 * 6000, 512] rows: the second is the first and more or less noise, or another. */
function makePairs(): { rows: Float32Array<ArrayBuffer>; same: boolean[] } {
  const same = Array.from({ length: PAIRS }, (_, k) => Math.floor(k / 300) % 2 === 0);
  const [first, other, jitter] = [1, 2, 3].map((seed) => fill(seed, PAIRS * DIM));
  const rows = new Float32Array(2 * PAIRS * DIM);
  for (let k = 0; k < PAIRS; k++) {
    for (let d = 0; d < DIM; d++) {
      const at = k * DIM + d;
      rows[2 * k * DIM + d] = first[at];
      rows[(2 * k + 1) * DIM + d] = same[k] ? first[at] + (1 + 12 * unit(4, k)) * jitter[at] : other[at];
    }
  }
  return { rows, same };
}

async function benchPairs(folder: string, { runs }: BenchOptions, report: Report): Promise<void> {
  const { rows, same } = makePairs();
  const paths = [`${folder}/rows.npy`, `${folder}/same.npy`];
  writeNpy(paths[0], rows, { shape: [2 * PAIRS, DIM] });
  writeNpy(paths[1], Uint8Array.from(same, Number), { dtype: "uint8" });
  let ours: PairResult | undefined;
  let numpy: PeerResult | undefined;
  const python = findPython();
  if (python === undefined) {
    report.note("NumPy: left out, no Python here has it and scikit-learn (PYTHON may name one)");
  }
  const sides: Side[] = [{
    name: "ours",
    run: () => {
      ours = evaluatePairs(rows, same);
      return Promise.resolve();
    },
  }];
  if (python !== undefined) {
    const run = () => {
      numpy = runPeer(python, paths);
      return Promise.resolve(1000 * numpy.seconds);
    };
    sides.push({ name: "numpy", run, warmUps: 0 });
  }
  const times = await alternate(sides, { runs });
  const { accuracy, val, auc } = ours!;
  report.add(`pairs ${PAIRS} x ${DIM}`, {
    ...sideFigures(times),
    accuracy,
    VAL: val,
    AUC: auc,
    ...(numpy && {
      numpy_differs_by: Math.max(...[accuracy - numpy.accuracy, val - numpy.val, auc - numpy.auc].map(Math.abs)),
    }),
  });
}

interface PeerResult {
  /** Its own clock's, without starting Python and reading the files. */
  readonly seconds: number;
  readonly accuracy: number;
  readonly val: number;
  readonly auc: number;
}

function runPeer(python: string, paths: readonly string[]): PeerResult {
  const { success, stdout, stderr } = new Deno.Command(python, { args: ["-B", "-c", program, "time", ...paths] })
    .outputSync();
  if (!success) throw new Error(`${python}: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** A Python with NumPy and scikit-learn, or undefined. */
function findPython(): string | undefined {
  const named = Deno.env.get("PYTHON");
  return (named ? [named] : PYTHONS).find((python) => {
    try {
      const args = ["-c", "import numpy, sklearn.metrics"];
      return new Deno.Command(python, { args, stdout: "null", stderr: "null" }).outputSync().success;
    } catch {
      return false;
    }
  });
}

function benchIjb(folder: string, { share }: BenchOptions, report: Report): void {
  const { images, templates, pairs } = writeIjbLists(folder, share);
  report.progress(`lists and embeddings of ${share === 1 ? "" : `${share} of `}IJB-C's size are made`);
  const time = "/usr/bin/time";
  const isTimed = exists(time);
  const verify = new URL("../../cli/verify.ts", import.meta.url).pathname;
  const options = { target: "IJBC", root: folder, embeddings: `${folder}/features.npy`, out: `${folder}/out` };
  const [command, ...args] = [
    ...isTimed ? [time, "-f", "%M"] : [],
    ...[Deno.execPath(), "run", "-A", verify, "ijb"],
    ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
  ];
  const begun = performance.now();
  const { success, stdout, stderr } = new Deno.Command(command, { args, env: { NO_COLOR: "1" } }).outputSync();
  const took = performance.now() - begun;
  const [said, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes).trim());
  if (!success) throw new Error(`verify ijb failed: ${errors}`);
  report.progress(said);
  report.add(`ijb ${images} images x ${DIM}, ${templates} templates, ${pairs} pairs`, {
    ours_ms: took,
    ...(isTimed && { resident_mb: Number(errors.split("\n").at(-1)) * 1024 / 1e6 }),
  });
  if (!isTimed) report.note(`memory of verify ijb: not measured, there is no ${time}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
