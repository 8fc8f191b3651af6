import { InputError } from "../errors.ts";
import { AtomicFile, type AtomicFileOptions } from "./atomic_file.ts";
import { ByteFile } from "./byte_file.ts";
import { NUMPY_PICKLE, PickleArray, pickleArrayValues } from "./numpy_pickle.ts";
import { readPickle } from "./pickle_reader.ts";
import { describePickle, PickleBytes, PickleTuple } from "./pickle_values.ts";
import { picklePairs } from "./pickle_writer.ts";

/** Pairs of encoded images, each of one person or of two: a verification set. The file stays open until it is disposed of. */
export interface PairSet extends Disposable {
  /** The file's name without folder and `.bin`: "lfw". */
  readonly name: string;
  /** The path as it was given. */
  readonly path: string;
  /** Number of pairs. */
  readonly pairs: number;
  /** Per pair: whether both images show one person. */
  readonly same: boolean[];
  /**
   * The encoded bytes (JPEG, PNG) of image `i`, 0 … 2*pairs-1; pair k is images 2k and 2k+1. Read from the file at each call.
   *
   * @throws {InputError} if the file was cut short since, or the image's bytes are damaged in it.
   */
  image(i: number): Uint8Array;
}

/** What a verification set is written from. */
export interface PairSetContent {
  /** Encoded images, two per pair, in order. */
  images: Iterable<Uint8Array>;
  /** Per pair: whether both images show one person. */
  same: readonly boolean[];
}

const ACTION = "read pair set";

/**
 * Opens a verification set as insightface packs them (lfw.bin, agedb_30.bin …): a Python pickle of (images, issame), of any protocol,
 * with images as bytes, Python 2 strings or NumPy arrays. Nothing in the pickle can run. Images stay in the file until asked for.
 *
 * @throws {InputError} naming file and place: not such a pickle, a name that is not NumPy's, an odd number of images, counts that disagree.
 *
 * @example
 * ```ts
 * import { readPairSet, writePairSet } from "./pair_set.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * const [ann, bob] = [Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5)]; // JPEG files, in earnest
 * writePairSet(`${folder}/two.bin`, { images: [ann, ann, ann, bob], same: [true, false] });
 * {
 *   using set = readPairSet(`${folder}/two.bin`);
 *   console.assert(set.name === "two" && set.pairs === 2);
 *   console.assert(set.image(3).join() === "4,5" && set.same.join() === "true,false");
 * }
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function readPairSet(path: string): PairSet {
  const file = ByteFile.open(path, ACTION);
  try {
    return openPairSet(file);
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Writes a verification set that Python's `pickle.load` (also with `encoding="bytes"`, as insightface calls it) and `readPairSet`
 * read: a list of `bytes` and a list of `bool`, protocol 3. Written as the images come, put in place whole.
 *
 * @throws {InputError} if the file exists and `force` is not given, cannot be written, or the images are not two per pair.
 */
export function writePairSet(path: string, { images, same }: PairSetContent, options: AtomicFileOptions = {}): void {
  const fail = (what: string) => new InputError(`Cannot write pair set ${path}: ${what}`);
  if (same.length === 0) throw fail("expected at least one pair, found none; give images");
  const wanted = 2 * same.length;
  function* counted(): Generator<Uint8Array> {
    let count = 0;
    for (const image of images) {
      if (!(image instanceof Uint8Array) || image.length === 0 || image.length >= 2 ** 32) {
        throw fail(
          `expected image ${count} as the bytes of a file, found ${
            image?.length === 0 ? "none" : "something else"
          }; check it`,
        );
      }
      if (++count <= wanted) yield image;
    }
    if (count !== wanted) {
      throw fail(`expected two images per pair, ${wanted} for ${same.length} pairs, found ${count}; check the list`);
    }
  }
  using file = AtomicFile.create(path, options);
  // small pieces are gathered, so that the system is called once per some images
  const buffer = new Uint8Array(1 << 16);
  let filled = 0;
  const flush = () => {
    file.write(buffer.subarray(0, filled));
    filled = 0;
  };
  for (const piece of picklePairs(counted(), same)) {
    if (filled + piece.length > buffer.length) flush();
    if (piece.length > buffer.length) file.write(piece);
    else {
      buffer.set(piece, filled);
      filled += piece.length;
    }
  }
  flush();
  file.commit();
}

function openPairSet(file: ByteFile): PairSet {
  const { path } = file;
  const fail = (what: string): never => {
    throw new InputError(
      `Cannot ${ACTION} ${path}: ${what}; it is not a verification set of (images, issame), or damaged`,
    );
  };
  if (file.size === 0) fail("expected a pickle, found an empty file");
  const content = readPickle(file, { allow: NUMPY_PICKLE });
  const parts = content instanceof PickleTuple ? content.items : Array.isArray(content) ? content : [];
  if (parts.length !== 2) fail(`expected a tuple of images and truth values, found ${describePickle(content)}`);
  const images = sequence(parts[0]) ?? fail(`expected a list of images, found ${describePickle(parts[0])}`);
  const truths = sequence(parts[1], fail) ?? fail(`expected a list of truth values, found ${describePickle(parts[1])}`);
  if (images.length % 2 !== 0) fail(`expected two images per pair, found an odd number, ${images.length}`);
  if (images.length !== 2 * truths.length) {
    fail(`expected ${truths.length} pairs as issame has, found ${images.length} images, ${images.length / 2} pairs`);
  }
  if (images.length === 0) fail("expected at least one pair, found none");
  const places = images.map((image, i) =>
    imageBytes(image) ?? fail(`expected image ${i} as encoded bytes, found ${whatImage(image)}`)
  );
  return {
    name: path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1).replace(/\.bin$/i, ""),
    path,
    pairs: truths.length,
    same: truths.map((value, k) => truth(value) ?? fail(`expected truth value ${k}, found ${describePickle(value)}`)),
    image(i: number): Uint8Array {
      const place = places[i];
      if (place === undefined) throw new RangeError(`image ${i} of ${places.length}`);
      const bytes = place.bytes.read();
      if (place.length !== undefined && bytes.length !== place.length) {
        fail(`expected image ${i} of ${place.length} bytes, found ${bytes.length}`);
      }
      return bytes;
    },
    [Symbol.dispose]: () => file.close(),
  };
}

/** The values of a list, a tuple or a NumPy array of one axis; with `fail`, also of numbers. */
function sequence(value: unknown, fail?: (what: string) => never): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (value instanceof PickleTuple) return value.items;
  if (!(value instanceof PickleArray) || value.dtype === undefined || !isVector(value)) return undefined;
  if (value.dtype.kind === "O") return value.data as readonly unknown[];
  return fail && pickleArrayValues(value, fail);
}

/** Whether at most one axis is longer than 1, so that the order of storage does not matter. */
function isVector({ shape }: PickleArray): boolean {
  return shape.filter((length) => length !== 1).length <= 1;
}

/** Where an image's bytes are, and how many they must be when the pickle says so. */
function imageBytes(value: unknown): { bytes: PickleBytes; length: number | undefined } | undefined {
  if (value instanceof PickleBytes) return { bytes: value, length: undefined };
  if (!(value instanceof PickleArray) || !(value.data instanceof PickleBytes) || !isVector(value)) return undefined;
  const { kind, size } = value.dtype!;
  if (size !== 1 || (kind !== "u" && kind !== "i")) return undefined;
  return { bytes: value.data, length: value.shape.reduce((product, length) => product * length, 1) };
}

function whatImage(value: unknown): string {
  if (!(value instanceof PickleArray)) return describePickle(value);
  return `a NumPy array of shape [${value.shape}] and dtype ${value.dtype?.kind ?? "?"}${value.dtype?.size ?? ""}`;
}

/** Python's truth of a bool or a whole number. */
function truth(value: unknown): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value))) return Number(value) !== 0;
  return undefined;
}
