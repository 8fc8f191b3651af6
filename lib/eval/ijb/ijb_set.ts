import { crc32 } from "node:zlib";
import { join } from "node:path";
import { ioError } from "../../data/io_error.ts";
import { TextLines } from "../../data/text_lines.ts";
import { InputError } from "../../errors.ts";
import type { EmbedSources } from "../embed_sources.ts";
import { type LandmarkList, readLandmarkList } from "../landmark_list.ts";

/** Which benchmark. */
export const IJB_TARGETS = ["IJBB", "IJBC"] as const;

/** Which benchmark. */
export type IjbTarget = typeof IJB_TARGETS[number];

/** The images of a benchmark: one entry per line of its face_tid_mid list. */
export interface IjbSet {
  /** Which benchmark. */
  readonly target: IjbTarget;
  /** The folder with `meta` and `loose_crop`. */
  readonly root: string;
  /** Name of each image, in loose_crop. */
  readonly names: readonly string[];
  /** Template of each image. */
  readonly templates: Int32Array;
  /** Media of each image. */
  readonly media: Int32Array;
  /** Landmarks and the detector's scores, in the order of the images. */
  readonly list: LandmarkList;
}

/** A file of a benchmark's meta folder. */
export function ijbMeta({ target, root }: Pick<IjbSet, "target" | "root">, rest: string): string {
  return join(root, "meta", `${target.toLowerCase()}_${rest}`);
}

/**
 * Reads which images a benchmark has, of which templates and medias, and their landmarks.
 *
 * `root` is the folder with `meta` and `loose_crop`, or one that has them in a folder named after the target.
 *
 * @throws {InputError} naming file and line: a list that is missing or damaged, an image without landmarks, an image that is not there
 * (unless `images` is false).
 */
export function readIjbSet(
  target: IjbTarget,
  root: string,
  { images = true }: { readonly images?: boolean } = {},
): IjbSet {
  if (!exists(join(root, "meta")) && exists(join(root, target, "meta"))) root = join(root, target);
  const path = ijbMeta({ target, root }, "face_tid_mid.txt");
  const other = IJB_TARGETS.find((one) => one !== target)!;
  if (!exists(path) && exists(ijbMeta({ target: other, root }, "face_tid_mid.txt"))) {
    throw new InputError(
      `Cannot read the list ${path}: expected lists of ${target}, found those of ${other}; give --target ${other} or another --root`,
    );
  }
  const lines = TextLines.read(path);
  const names: string[] = [], places: number[] = [];
  const templates = new Int32Array(lines.size), media = new Int32Array(lines.size);
  for (let i = 0; i < lines.size; i++) {
    const line = lines.line(i).trim();
    if (line === "") continue;
    const match = /^(\S.*?)\s+(\d{1,9})\s+(\d{1,9})$/.exec(line);
    if (match === null || /(^|[/\\])\.\.([/\\]|$)|^[/\\]|\0/.test(match[1])) {
      throw new InputError(
        `Cannot read the list ${path}: expected "image template media" on line ${i + 1}, found ${
          JSON.stringify(line.slice(0, 60))
        }; mend the line`,
      );
    }
    templates[names.length] = Number(match[2]);
    media[names.length] = Number(match[3]);
    names.push(match[1]);
    places.push(i + 1);
  }
  if (names.length === 0) throw new InputError(`Cannot read the list ${path}: expected images, found none`);
  const nameOf = (i: number) => `${names[i]} (line ${places[i]} of ${path})`;
  const list = inOrder(
    readLandmarkList(ijbMeta({ target, root }, "name_5pts_score.txt"), { scored: true }),
    names,
    nameOf,
  );
  if (images) requireImages(join(root, "loose_crop"), names, nameOf);
  return {
    target,
    root,
    names,
    templates: templates.slice(0, names.length),
    media: media.slice(0, names.length),
    list,
  };
}

/** The benchmark's images, to embed. */
export function ijbSources({ root, names, list, target }: IjbSet): EmbedSources {
  const encoder = new TextEncoder();
  const path = (i: number) => join(root, "loose_crop", names[i]);
  return {
    count: names.length,
    identity: `${target}, ${names.length} images ${crc32(encoder.encode(names.join("\n")))} ${
      crc32(new Uint8Array(list.landmarks.buffer, list.landmarks.byteOffset, list.landmarks.byteLength))
    }`,
    source: (i) => ({ kind: "file", path: path(i), label: 0 }),
    nameOf: (i) => names[i],
    [Symbol.dispose]: () => {},
  };
}

/** The list in the order of the images: as a rule it is so already. */
function inOrder(list: LandmarkList, names: readonly string[], nameOf: (i: number) => string): LandmarkList {
  if (list.names.length === names.length && names.every((name, i) => name === list.names[i])) return list;
  const rows = new Map(list.names.map((name, row) => [name, row]));
  const landmarks = new Float64Array(10 * names.length), scores = new Float32Array(names.length);
  for (const [i, name] of names.entries()) {
    const row = rows.get(name);
    if (row === undefined) {
      throw new InputError(
        `Cannot read landmarks ${list.path}: expected a line for ${
          nameOf(i)
        }, found none among ${list.names.length}; add it`,
      );
    }
    landmarks.set(list.landmarks.subarray(10 * row, 10 * (row + 1)), 10 * i);
    scores[i] = list.scores[row];
  }
  return { path: list.path, names, landmarks, scores };
}

/** One look into each folder, not one at each file. */
function requireImages(folder: string, names: readonly string[], nameOf: (i: number) => string): void {
  const folders = new Map<string, Set<string>>();
  for (const [i, name] of names.entries()) {
    const cut = name.lastIndexOf("/") + 1;
    const under = name.slice(0, cut);
    let files = folders.get(under);
    if (files === undefined) folders.set(under, files = filesIn(join(folder, under)));
    if (files.has(name.slice(cut))) continue;
    throw new InputError(`Cannot read images of ${folder}: expected ${nameOf(i)}, found no such file; copy it there`);
  }
}

function filesIn(folder: string): Set<string> {
  try {
    return new Set([...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => isDirectory ? [] : [name]));
  } catch (error) {
    throw ioError("read images of", folder, error);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
