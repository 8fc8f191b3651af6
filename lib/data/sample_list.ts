import { InputError } from "../errors.ts";
import { type AtomicFileOptions, writeFileAtomic } from "./atomic_file.ts";
import { TextLines } from "./text_lines.ts";

/** Some of a training set's samples. */
export interface SampleList {
  /** Their numbers in the set, rising. */
  readonly samples: Uint32Array;
  /** Samples of the set they were chosen from. */
  readonly of: number;
}

const HEADING = /^# centerbias samples 1: (\d+) of (\d+) samples\b/;

/**
 * Writes a list of samples: a heading that says of how large a set they are, then a number per line.
 *
 * @throws {InputError} if the file exists and `force` is not given, or cannot be written.
 *
 * @example
 * ```ts
 * import { readSampleList, writeSampleList } from "./sample_list.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * writeSampleList(`${folder}/tenth.txt`, { samples: Uint32Array.of(3, 14), of: 20 }, "stf, seed 21");
 * console.assert(readSampleList(`${folder}/tenth.txt`).samples.join() === "3,14");
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function writeSampleList(
  path: string,
  { samples, of }: SampleList,
  note = "",
  options: AtomicFileOptions = {},
): void {
  const encoder = new TextEncoder();
  function* content() {
    yield encoder.encode(`# centerbias samples 1: ${samples.length} of ${of} samples${note && `; ${note}`}\n`);
    const CHUNK = 1 << 14;
    for (let at = 0; at < samples.length; at += CHUNK) {
      yield encoder.encode(`${samples.subarray(at, at + CHUNK).join("\n")}\n`);
    }
  }
  writeFileAtomic(path, content(), options);
}

/**
 * Reads a list of samples.
 *
 * @throws {InputError} naming the line, if it is no such list, cut short, or its numbers do not rise within the set.
 */
export function readSampleList(path: string): SampleList {
  const lines = TextLines.read(path);
  const fail = (line: number, expected: string, found: string) =>
    new InputError(
      `Cannot read the sample list ${path}: expected ${expected} on line ${line + 1}, found ${found}; ` +
        "make it anew with tools/sample_dataset.ts",
    );
  const heading = lines.size === 0 ? "" : lines.line(0);
  const match = HEADING.exec(heading);
  if (match === null) {
    throw fail(0, `"# centerbias samples 1: N of N samples"`, JSON.stringify(heading.slice(0, 60)));
  }
  const [count, of] = [Number(match[1]), Number(match[2])];
  if (!(count >= 1 && of < 2 ** 32 && count <= of)) {
    throw fail(0, "at least one sample, and no more than there are", heading.slice(0, 80));
  }
  if (lines.size !== count + 1) throw fail(lines.size, `${count} samples in all`, `${lines.size - 1}`);
  const samples = new Uint32Array(count);
  for (let i = 0, before = -1; i < count; i++) {
    const text = lines.line(i + 1);
    const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
    if (!(value > before && value < of)) {
      throw fail(i + 1, `a number from ${before + 1} to ${of - 1}`, JSON.stringify(text.slice(0, 20)));
    }
    samples[i] = before = value;
  }
  return { samples, of };
}
