import { join, resolve } from "node:path";
import { InputError } from "../../errors.ts";
import { writeFileAtomic } from "../atomic_file.ts";
import { ioError } from "../io_error.ts";
import { type PairSet, readPairSet } from "../pair_set.ts";
import { type ConvertOptions, PROGRESS_STEP } from "./convert_options.ts";
import { OutputFolder } from "./output_folder.ts";

/** What unpackPairs() did with one set. */
export interface UnpackedPairs {
  /** The set's name: that of its folder. */
  name: string;
  /** Pairs. */
  pairs: number;
  /** Was it there already, finished by the same conversion before it was interrupted? */
  skipped: boolean;
}

/** Names the sets that an unfinished conversion of a folder has finished. */
const JOB = ".convert.json";

/**
 * Unpacks verification sets into `<out>/<set>/images/<i>.jpg`, pair.list and image.list: `convert bin`.
 *
 * Images keep their bytes. Each set appears finished or not at all; of several, an interrupted conversion goes on with
 * the next one.
 *
 * @param source a .bin file, or a folder of them
 * @throws {InputError} if a file is damaged, or a set is in `out` already and `force` is not given.
 */
export function unpackPairs(source: string, out: string, options: ConvertOptions = {}): UnpackedPairs[] {
  const files = filesOf(source);
  const job = files.length > 1 ? new Job(source, out) : undefined;
  const done: UnpackedPairs[] = [];
  for (const file of files) {
    using set = readPairSet(file);
    const skipped = job?.hasFinished(set.name) ?? false;
    if (!skipped) unpack(set, join(out, folderName(set)), options);
    job?.finished(set.name);
    done.push({ name: set.name, pairs: set.pairs, skipped });
  }
  job?.end();
  return done;
}

function filesOf(source: string): string[] {
  try {
    if (!Deno.statSync(source).isDirectory) return [source];
    const names = [...Deno.readDirSync(source)].map((entry) => entry.name).filter((name) =>
      /^[^.].*\.bin$/i.test(name)
    );
    if (names.length > 0) return names.sort().map((name) => join(source, name));
  } catch (error) {
    throw ioError("read pair sets of", source, error);
  }
  throw new InputError(`Cannot convert pair sets of ${source}: expected .bin files in the folder, found none`);
}

/** The set's name is a folder within `out`, wherever its file lies. */
function folderName({ name, path }: PairSet): string {
  if (!/^\.*$|[\\/]/.test(name)) return name;
  throw new InputError(
    `Cannot convert pair set ${path}: expected a file name to call the folder by, found ${name}.bin`,
  );
}

function unpack(set: PairSet, out: string, { force, onProgress }: ConvertOptions): void {
  const { size, mtime } = Deno.statSync(set.path);
  using folder = OutputFolder.open(out, {
    source: JSON.stringify({ source: resolve(set.path), bytes: size, modified: mtime, pairs: set.pairs }),
    entries: ["images", "pair.list", "image.list"],
    force,
  });
  try {
    folder.makeFolder("images");
    const pairList = folder.create("pair.list"), imageList = folder.create("image.list");
    for (let k = 0; k < set.pairs; k++) {
      const names = [2 * k, 2 * k + 1].map((i) => `images/${i}.jpg`);
      names.forEach((name, i) => folder.write(name, set.image(2 * k + i)));
      pairList.write(`${names[0]}\t${names[1]}\t${set.same[k] ? 1 : 0}\n`);
      imageList.write(`${names[0]}\n${names[1]}\n`);
      if (k % PROGRESS_STEP === 0) onProgress?.(2 * k, 2 * set.pairs);
    }
    pairList.finish();
    imageList.finish();
    folder.finish();
    onProgress?.(2 * set.pairs, 2 * set.pairs);
  } catch (error) {
    folder.abort();
    throw error;
  }
}

/** Remembers in `out` which sets of a folder are finished, as long as not all are. */
class Job {
  readonly #path: string;
  readonly #source: string;
  readonly #done: Set<string>;

  constructor(source: string, out: string) {
    this.#path = join(out, JOB);
    this.#source = resolve(source);
    this.#done = new Set(this.#read());
  }

  hasFinished(name: string): boolean {
    return this.#done.has(name);
  }

  finished(name: string): void {
    this.#done.add(name);
    const text = JSON.stringify({ source: this.#source, done: [...this.#done] });
    writeFileAtomic(this.#path, new TextEncoder().encode(text), { force: true });
  }

  end(): void {
    Deno.removeSync(this.#path);
  }

  #read(): string[] {
    try {
      const { source, done } = JSON.parse(Deno.readTextFileSync(this.#path));
      return source === this.#source && Array.isArray(done) ? done : [];
    } catch {
      return []; // nothing was interrupted
    }
  }
}
