import { InputError } from "../errors.ts";
import { writeFileAtomic } from "./atomic_file.ts";
import { encodeFaces } from "./encode_faces.ts";
import { exists } from "./exists.ts";
import { encodeImageRecord } from "./image_record.ts";
import { ioError } from "./io_error.ts";
import { writePairSet } from "./pair_set.ts";
import { formatProperty } from "./property.ts";
import { Random } from "./random.ts";
import { RecordWriter } from "./record_writer.ts";
import type { FacesReply, FacesRequest } from "./synthetic_faces_request.ts";
import { WorkerPool } from "./worker_pool.ts";

export { syntheticFace, type SyntheticFaceOptions } from "./synthetic_face.ts";

/** Which set of synthetic faces. */
export interface SyntheticFacesOptions {
  /**
   * People to train on: the classes.
   *
   * @default 100
   */
  readonly people?: number;
  /**
   * Training pictures of each.
   *
   * @default 20
   */
  readonly imagesPerPerson?: number;
  /**
   * Other people, for verification.
   *
   * @default 50
   */
  readonly verificationPeople?: number;
  /**
   * Pairs of their pictures, every second one of the same person. Each picture occurs once.
   *
   * @default 600
   */
  readonly pairs?: number;
  /**
   * Seed of everything.
   *
   * @default 21
   */
  readonly seed?: number;
  /**
   * Pixels a side.
   *
   * @default 112
   */
  readonly imageSize?: number;
  /**
   * How much a person's pictures differ, from 0 to 1.
   *
   * @default 1
   */
  readonly variation?: number;
  /**
   * JPEG quality.
   *
   * @default 90
   */
  readonly quality?: number;
  /**
   * Name of the verification set.
   *
   * @default "synthetic"
   */
  readonly name?: string;
  /**
   * Web Workers that draw; 0 draws in the calling thread. The set does not depend on it.
   *
   * @default as many as there are cores, at most 8
   */
  readonly workers?: number;
  /**
   * Write over a set that this function did not make.
   *
   * @default false
   */
  readonly force?: boolean;
  /** Told how many pictures of how many are done. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Where the set is. */
export interface SyntheticFaces {
  /** The folder: a training set. */
  readonly folder: string;
  /** The verification set of other people. */
  readonly pairSet: string;
  /** False when the same set was there already. */
  readonly made: boolean;
}

/** Counts up with every change to what is drawn, so that older sets are made again. */
const VERSION = 1;

/** Pictures a worker gets at once. */
const CHUNK = 40;

/** Float32 labels are exact up to here; record 0 holds keys as labels. */
const MOST_KEYS = 2 ** 24;

/** Names the choice of pairs among the streams of a seed. */
const PAIR_STREAM = 0x9a125;

type Settings = Required<Omit<SyntheticFacesOptions, "workers" | "force" | "onProgress">>;

/**
 * Makes a face training set of synthetic people, in the formats of real ones: `train.rec`, `train.idx`, `property`, and a
 * `.bin` of pairs of people not trained on.
 *
 * The same options give the same bytes. A set that is there already, made with the same options, is left as it is
 * (`synthetic.json`, written last, tells); one made with others is replaced.
 *
 * @throws {InputError} if an option is out of range, or the folder holds a training set that this function did not make.
 * @example
 * ```ts
 * import { writeSyntheticFaces } from "./synthetic_faces.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * const options = { people: 2, imagesPerPerson: 2, verificationPeople: 2, pairs: 2, imageSize: 32, workers: 0 };
 * const { made } = await writeSyntheticFaces(folder, options);
 * const again = await writeSyntheticFaces(folder, options);
 * console.assert(made && !again.made);
 * ```
 */
export async function writeSyntheticFaces(
  folder: string,
  options: SyntheticFacesOptions = {},
): Promise<SyntheticFaces> {
  const { workers = Math.min(8, navigator.hardwareConcurrency), force = false, onProgress } = options;
  const settings = checkSettings(options);
  const pairSet = `${folder}/${settings.name}.bin`;
  const state = readState(folder, settings);
  if (state === "same" && exists(`${folder}/train.rec`) && exists(`${folder}/train.idx`) && exists(pairSet)) {
    return { folder, pairSet, made: false };
  }
  if (state === "none" && !force) {
    for (const path of [`${folder}/train.rec`, `${folder}/property`, pairSet]) {
      if (!exists(path)) continue;
      throw new InputError(
        `Cannot write synthetic faces to ${folder}: expected no other set there, found ${path}; choose another folder`,
      );
    }
  }
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw ioError("make folder", folder, error);
  }
  writeState(folder, settings, false); // from here on the folder is known as ours, should this be interrupted

  const total = settings.people * settings.imagesPerPerson + 2 * settings.pairs;
  const { faces: pairFaces, same } = drawPairs(settings);
  const trainFaces = Uint32Array.from({ length: 2 * (total - 2 * settings.pairs) }, (_, i) => {
    const image = i >> 1;
    return i & 1 ? image % settings.imagesPerPerson : Math.floor(image / settings.imagesPerPerson);
  });
  using pool = workers > 0
    ? new WorkerPool<FacesRequest, FacesReply>(
      new URL("./synthetic_faces_worker.ts", import.meta.url),
      "drawing faces",
      workers,
    )
    : undefined;
  let done = 0;
  const draw = async (faces: Uint32Array, take: (file: Uint8Array) => void) => {
    for await (const file of drawFiles(faces, settings, pool)) {
      take(file);
      if (++done % CHUNK === 0 || done === total) onProgress?.(done, total);
    }
  };

  const images: Uint8Array[] = [];
  await draw(pairFaces, (file) => images.push(file));
  writePairSet(pairSet, { images, same }, { force: true });

  using writer = RecordWriter.create(`${folder}/train.rec`, { force: true });
  const { people, imagesPerPerson, imageSize } = settings;
  const end = 1 + people * imagesPerPerson;
  writer.write(0, encodeImageRecord({ label: [end, end + people] }));
  let key = 1;
  await draw(trainFaces, (image) => {
    writer.write(key, encodeImageRecord({ label: Math.floor((key - 1) / imagesPerPerson), id: key, image }));
    key++;
  });
  for (let person = 0; person < people; person++) {
    const first = 1 + person * imagesPerPerson;
    writer.write(end + person, encodeImageRecord({ label: [first, first + imagesPerPerson], id: end + person }));
  }
  const property = formatProperty({ classes: people, height: imageSize, width: imageSize });
  writeFileAtomic(`${folder}/property`, new TextEncoder().encode(property), { force: true });
  writer.finish();
  writeState(folder, settings, true);
  return { folder, pairSet, made: true };
}

/** The files of faces, in their order; a few chunks are drawn ahead. */
async function* drawFiles(
  faces: Uint32Array,
  { seed, imageSize, variation, quality }: Settings,
  pool: WorkerPool<FacesRequest, FacesReply> | undefined,
): AsyncGenerator<Uint8Array> {
  const ahead: Promise<FacesReply>[] = [];
  const depth = pool ? 2 * pool.size : 1;
  for (let next = 0; next < faces.length || ahead.length > 0;) {
    while (ahead.length < depth && next < faces.length) {
      const request = { faces: faces.slice(next, next += 2 * CHUNK), seed, imageSize, variation, quality };
      const reply = pool ? pool.run(request) : encodeFaces(request);
      reply.catch(() => {}); // looked at in its turn, or never
      ahead.push(reply);
    }
    const { bytes, lengths } = await ahead.shift()!;
    let at = 0;
    for (const length of lengths) yield bytes.subarray(at, at += length);
  }
}

/** Pairs of people `people` and up, alternately the same and different; each picture is used once. */
function drawPairs(settings: Settings): { faces: Uint32Array; same: boolean[] } {
  const { people, verificationPeople, pairs, seed } = settings;
  const random = new Random(seed, PAIR_STREAM);
  const used = new Uint32Array(verificationPeople);
  const faces = new Uint32Array(4 * pairs);
  const same = Array.from({ length: pairs }, (_, i) => i % 2 === 0);
  same.forEach((isSame, i) => {
    const one = random.below(verificationPeople);
    const other = isSame ? one : (one + 1 + random.below(verificationPeople - 1)) % verificationPeople;
    faces.set([people + one, used[one]++, people + other, used[other]++], 4 * i);
  });
  return { faces, same };
}

function checkSettings(options: SyntheticFacesOptions): Settings {
  const settings: Settings = {
    people: options.people ?? 100,
    imagesPerPerson: options.imagesPerPerson ?? 20,
    verificationPeople: options.verificationPeople ?? 50,
    pairs: options.pairs ?? 600,
    seed: options.seed ?? 21,
    imageSize: options.imageSize ?? 112,
    variation: options.variation ?? 1,
    quality: options.quality ?? 90,
    name: options.name ?? "synthetic",
  };
  const limits = {
    people: [1, 2 ** 20],
    imagesPerPerson: [1, 2 ** 20],
    verificationPeople: [2, 2 ** 20],
    pairs: [1, 2 ** 20],
    seed: [0, Number.MAX_SAFE_INTEGER],
    imageSize: [8, 1024],
    quality: [1, 100],
  } as const;
  for (const [option, [least, most]] of Object.entries(limits)) {
    const value = settings[option as keyof typeof limits];
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    throw new InputError(
      `Cannot write synthetic faces: expected ${option} to be a whole number from ${least} to ${most}, found ${value}`,
    );
  }
  if (!(settings.variation >= 0 && settings.variation <= 1)) {
    throw new InputError(`Cannot write synthetic faces: expected variation from 0 to 1, found ${settings.variation}`);
  }
  if (settings.people * (settings.imagesPerPerson + 1) >= MOST_KEYS) {
    throw new InputError(`Cannot write synthetic faces: expected less than ${MOST_KEYS} pictures and people in all`);
  }
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(settings.name)) {
    throw new InputError(
      `Cannot write synthetic faces: expected a name of letters, digits, - and _, found ${
        JSON.stringify(settings.name)
      }`,
    );
  }
  return settings;
}

function stateText(settings: Settings, complete: boolean): string {
  return JSON.stringify({ version: VERSION, ...settings, complete }, undefined, 2) + "\n";
}

/** Whether the folder holds this set, another one of ours (or a part of one), or nothing known. */
function readState(folder: string, settings: Settings): "same" | "other" | "none" {
  try {
    const text = Deno.readTextFileSync(`${folder}/synthetic.json`);
    return text === stateText(settings, true) ? "same" : "other";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return "none";
    throw ioError("read", `${folder}/synthetic.json`, error);
  }
}

function writeState(folder: string, settings: Settings, complete: boolean): void {
  const bytes = new TextEncoder().encode(stateText(settings, complete));
  writeFileAtomic(`${folder}/synthetic.json`, bytes, { force: true });
}
