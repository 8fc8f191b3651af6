import { dirname, isAbsolute, join } from "node:path";
import { InputError } from "../../errors.ts";
import { TextLines } from "../text_lines.ts";

/** Pairs of image files. */
export interface PairList {
  /** Two paths per pair, in order. */
  images: string[];
  /** Per pair: whether both show one person. */
  same: boolean[];
}

/**
 * Reads a list of pairs: `first<white space>second<white space>1` per line (tabs, if paths contain spaces), or LFW's own
 * pairs.txt, whose first line is `folds pairs` and whose images are `name/name_0001.jpg`. Paths are seen from the list.
 *
 * @throws {InputError} with the line, for one of another form, or if there is none.
 */
export function readPairList(path: string): PairList {
  const lines = TextLines.read(path);
  const list: PairList = { images: [], same: [] };
  const isLfw = lines.size > 0 && /^\s*\d+(\s+\d+)?\s*$/.test(lines.line(0));
  for (let i = isLfw ? 1 : 0; i < lines.size; i++) {
    const line = lines.line(i).trim();
    if (line === "") continue;
    const words = line.split(line.includes("\t") ? /\s*\t\s*/ : /\s+/);
    const pair = isLfw ? lfwPair(words) : plainPair(words);
    if (pair === undefined || line.includes("\0")) {
      const form = isLfw ? `"name i j" or "name i name j"` : `"image image 0 or 1"`;
      throw new InputError(
        `Cannot read the list ${path}: expected ${form} on line ${i + 1}, found ${JSON.stringify(line.slice(0, 60))}`,
      );
    }
    for (const image of pair.images) list.images.push(isAbsolute(image) ? image : join(dirname(path), image));
    list.same.push(pair.same);
  }
  if (list.same.length === 0) {
    throw new InputError(`Cannot read the list ${path}: expected pairs of images, found none`);
  }
  return list;
}

interface Pair {
  images: [string, string];
  same: boolean;
}

function plainPair(words: string[]): Pair | undefined {
  const [first, second, same] = words;
  if (words.length !== 3 || first === "" || second === "" || !/^[01]$/.test(same)) return undefined;
  return { images: [first, second], same: same === "1" };
}

function lfwPair(words: string[]): Pair | undefined {
  const [name, i, third, fourth] = words;
  const file = (person: string, number: string) => `${person}/${person}_${number.padStart(4, "0")}.jpg`;
  const isSame = words.length === 3;
  const j = isSame ? third : fourth;
  if (!(isSame || words.length === 4) || !/^\d+$/.test(i) || !/^\d+$/.test(j)) return undefined;
  return { images: [file(name, i), file(isSame ? name : third, j)], same: isSame };
}
