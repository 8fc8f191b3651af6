import { crc32 } from "node:zlib";
import { ALIGNED_LANDMARKS } from "../data/align_face.ts";
import type { ImageDecoder } from "../data/image_decoder.ts";
import { TextLines } from "../data/text_lines.ts";
import { InputError } from "../errors.ts";
import type { EmbedSources, ImageBatches } from "./embed_sources.ts";

/** Images and where their faces' landmarks are. */
export interface LandmarkList {
  /** The file. */
  readonly path: string;
  /** The images' names, a line each. */
  readonly names: readonly string[];
  /** [images, 10] x and y of five landmarks, pixels of the image. */
  readonly landmarks: Float64Array;
  /** [images] score of the detector; 1 where a line has none. */
  readonly scores: Float32Array;
}

const NUMBERS = ALIGNED_LANDMARKS.length;

/**
 * Reads landmarks: `image x1 y1 … x5 y5` per line, and the detector's score behind them where there is one. A name may have white
 * space in it; empty lines are skipped.
 *
 * @throws {InputError} naming file and line: too few or too many numbers, or what is no number, with `scored` a score below 0.
 *
 * @example
 * ```ts
 * import { readLandmarkList } from "./landmark_list.ts";
 *
 * const path = Deno.makeTempFileSync();
 * Deno.writeTextFileSync(path, "1.jpg 38 51 73 51 56 71 41 92 70 92 0.98\n");
 * const { names, scores } = readLandmarkList(path, { scored: true });
 * console.assert(names[0] === "1.jpg" && Math.abs(scores[0] - 0.98) < 1e-7);
 * Deno.removeSync(path);
 * ```
 */
export function readLandmarkList(path: string, { scored }: { readonly scored?: boolean } = {}): LandmarkList {
  const lines = TextLines.read(path);
  const names: string[] = [];
  const landmarks = new Float64Array(lines.size * NUMBERS);
  const scores = new Float32Array(lines.size).fill(1);
  for (let i = 0; i < lines.size; i++) {
    const line = lines.line(i).trim();
    if (line === "") continue;
    const words = line.split(/\s+/);
    const wanted = scored ? [NUMBERS + 1] : [NUMBERS, NUMBERS + 1];
    let count = 0;
    while (count < words.length - 1 && count <= NUMBERS + 1 && isNumber(words[words.length - 1 - count])) count++;
    const fail = (found: string) =>
      new InputError(
        `Cannot read landmarks ${path}: expected an image, x and y of five landmarks${
          scored ? " and a score" : ""
        } on line ${i + 1}, found ${found}; mend the line`,
      );
    if (!wanted.includes(count)) {
      // a name that ends in a number of its own, after a space
      if (count > Math.max(...wanted)) throw fail(`${words.length - 1} numbers`);
      const odd = words.slice(1).find((word) => !isNumber(word));
      throw fail(
        odd !== undefined && words.length - 1 >= wanted[0]
          ? JSON.stringify(odd.slice(0, 20))
          : `${words.length - 1} numbers`,
      );
    }
    const numbers = words.slice(words.length - count).map(Number);
    const row = names.length;
    landmarks.set(numbers.slice(0, NUMBERS), row * NUMBERS);
    if (scored && numbers[NUMBERS] < 0) throw fail(`the score ${numbers[NUMBERS]}, below 0`);
    if (count > NUMBERS) scores[row] = numbers[NUMBERS];
    names.push(line.slice(0, nameEnd(line, words, count)));
  }
  if (names.length === 0) throw new InputError(`Cannot read landmarks ${path}: expected images, found none`);
  return { path, names, landmarks: landmarks.slice(0, names.length * NUMBERS), scores: scores.slice(0, names.length) };
}

function isNumber(word: string): boolean {
  return Number.isFinite(Number(word)) && !/^0[xob]/i.test(word);
}

/** Where the name ends before `count` words, as `words` tells or, where it has white space, the line itself. */
function nameEnd(line: string, words: readonly string[], count: number): number {
  if (words.length === count + 1) return words[0].length;
  let end = line.length;
  for (let k = 0; k < count; k++) end = line.slice(0, end).search(/\s+\S+$/);
  return end;
}

/** Checksum of names and landmarks: what was aligned by others is not taken for its own. */
export function landmarksChecksum({ names, landmarks }: Pick<LandmarkList, "names" | "landmarks">): number {
  const bytes = new Uint8Array(landmarks.buffer, landmarks.byteOffset, landmarks.byteLength);
  return crc32(bytes, crc32(new TextEncoder().encode(names.join("\n"))));
}

/**
 * Landmarks [names.length, 10] of images, by their names, else by the names of their files.
 *
 * @throws {InputError} naming the first image that the list does not have.
 */
export function landmarksOf(list: LandmarkList, names: readonly string[]): Float64Array {
  const rows = new Map<string, number>();
  for (let row = list.names.length - 1; row >= 0; row--) rows.set(list.names[row], row);
  const landmarks = new Float64Array(names.length * NUMBERS);
  for (const [i, name] of names.entries()) {
    const row = rows.get(name) ?? rows.get(fileName(name));
    if (row === undefined) {
      throw new InputError(
        `Cannot align ${name}: expected a line for it in ${list.path}, found none among ${list.names.length}; add it`,
      );
    }
    landmarks.set(list.landmarks.subarray(row * NUMBERS, (row + 1) * NUMBERS), i * NUMBERS);
  }
  return landmarks;
}

/**
 * The images of a set, aligned by a list of landmarks, decoded and aligned in the pool of workers.
 *
 * @throws {InputError} naming the first image that the list does not have.
 */
export function alignedBatches(sources: EmbedSources, decoder: ImageDecoder, list: LandmarkList): ImageBatches {
  const landmarks = landmarksOf(list, Array.from({ length: sources.count }, (_, i) => sources.nameOf(i)));
  return (first, count) =>
    decoder.decode(Array.from({ length: count }, (_, i) => sources.source(first + i)), {
      landmarks: landmarks.subarray(NUMBERS * first, NUMBERS * (first + count)),
    });
}

function fileName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
