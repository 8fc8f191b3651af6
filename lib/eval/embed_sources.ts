import { join } from "node:path";
import { exists } from "../data/exists.ts";
import type { DecodedImage, ImageDecoder } from "../data/image_decoder.ts";
import type { ImageSource } from "../data/image_source.ts";
import { ioError } from "../data/io_error.ts";
import { openTrainingSet } from "../data/open_training_set.ts";
import { readPairSet } from "../data/pair_set.ts";
import { InputError } from "../errors.ts";

/** Images to embed, numbered 0 … count-1, wherever they are. */
export interface EmbedSources extends Disposable {
  /** Number of images. */
  readonly count: number;
  /** What they are, in words that change when the files do: an interrupted extraction goes on only with the same. */
  readonly identity: string;
  /** Where image `i` is. */
  source(i: number): ImageSource;
  /** Image `i` in words a user can look up: a path, "key 17", "lfw/12". One line. */
  nameOf(i: number): string;
}

/** Gives `count` decoded images from image `first` on, sized for the model: the seam for aligning them first. */
export type ImageBatches = (first: number, count: number) => Promise<readonly DecodedImage[]>;

const IMAGE_NAME = /\.(jpe?g|png)$/i;

/**
 * Finds the images that paths name: image files and folders of them (searched to the bottom, in order of name); or one .rec file or
 * folder with a train.rec, one label.txt, one .bin of pairs.
 *
 * @throws {InputError} if a path is not there, a file is damaged, or there is no image.
 *
 * @example
 * ```ts
 * import { openEmbedSources } from "./embed_sources.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * Deno.mkdirSync(`${folder}/ann`);
 * for (const name of ["b.jpg", "ann/a.png", "notes.txt"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
 * using images = openEmbedSources([folder]);
 * console.assert(images.count === 2 && images.nameOf(0) === `${folder}/ann/a.png`);
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function openEmbedSources(paths: readonly string[]): EmbedSources {
  if (paths.length === 0) throw new InputError("Cannot embed: expected images, a folder, .rec or .bin, found nothing");
  if (paths.length === 1) {
    const [path] = paths;
    const info = stat(path);
    if (info.isDirectory ? exists(join(path, "train.rec")) : /\.rec$|(^|[/\\])label\.txt$/i.test(path)) {
      return openTraining(path);
    }
    if (info.isFile && /\.bin$/i.test(path)) return openPairs(path);
  }
  return openFiles(paths);
}

/** Decodes a set's images in the pool of workers, which read them by themselves. */
export function decodeBatches(sources: EmbedSources, decoder: ImageDecoder): ImageBatches {
  return (first, count) => decoder.decode(Array.from({ length: count }, (_, i) => sources.source(first + i)));
}

function openTraining(path: string): EmbedSources {
  const set = openTrainingSet(path);
  return {
    count: set.size,
    identity: `${path} of ${set.size} images, ${
      stamp(exists(join(path, "train.rec")) ? join(path, "train.rec") : path)
    }`,
    source: (i) => set.source(i),
    nameOf: (i) => set.sampleName(i),
    [Symbol.dispose]: () => set[Symbol.dispose](),
  };
}

function openPairs(path: string): EmbedSources {
  const set = readPairSet(path);
  return {
    count: 2 * set.pairs,
    identity: `${path} of ${set.pairs} pairs, ${stamp(path)}`,
    source: (i) => ({ kind: "bytes", bytes: set.image(i) }),
    nameOf: (i) => `${set.name}/${i}`,
    [Symbol.dispose]: () => set[Symbol.dispose](),
  };
}

function openFiles(paths: readonly string[]): EmbedSources {
  const files: string[] = [];
  for (const path of paths) {
    const { isDirectory } = stat(path);
    if (!isDirectory && paths.length > 1 && /\.(rec|bin)$/i.test(path)) {
      throw new InputError(
        `Cannot embed ${path}: expected it alone, found ${paths.length} paths; embed one set at a time`,
      );
    }
    if (isDirectory) addFolder(path, files);
    else files.push(path);
  }
  const damaged = files.find((file) => /[\r\n]/.test(file));
  if (damaged !== undefined) {
    throw new InputError(
      `Cannot embed ${JSON.stringify(damaged)}: expected a name of one line, found a line break; rename it`,
    );
  }
  if (files.length === 0) {
    throw new InputError(`Cannot embed ${paths.join(", ")}: expected .jpg or .png images, found none`);
  }
  return {
    count: files.length,
    identity: files.join("\n"),
    source: (i) => ({ kind: "file", path: files[i], label: 0 }),
    nameOf: (i) => files[i],
    [Symbol.dispose]: () => {},
  };
}

/** Appends the images under a folder, its own first and then those of its folders. Links are followed to files only. */
function addFolder(folder: string, files: string[]): void {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (error) {
    throw ioError("read the folder", folder, error);
  }
  entries = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => a.name < b.name ? -1 : 1);
  for (const { name, isDirectory } of entries) {
    if (isDirectory) addFolder(join(folder, name), files);
    else if (IMAGE_NAME.test(name)) files.push(join(folder, name));
  }
}

function stat(path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    throw ioError("embed", path, error);
  }
}

function stamp(path: string): string {
  const { size, mtime } = stat(path);
  return `${size} bytes of ${mtime?.toISOString() ?? "an unknown time"}`;
}
