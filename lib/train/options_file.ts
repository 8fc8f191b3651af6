import * as yaml from "../deps/yaml.ts";
import { writeFileAtomic } from "../data/atomic_file.ts";
import { ioError } from "../data/io_error.ts";
import { InputError } from "../errors.ts";
import { keyName, nearestName, type OptionInfo, optionTable, readOptionText } from "./option_table.ts";
import { checkTrainOptions, type TrainOptions } from "./options.ts";
import { trainOptionsSchema } from "./options_schema.ts";

/** An options file is a page of text; anything larger was named by mistake. */
const LARGEST_FILE = 1 << 20;

/**
 * The options in a YAML file: one `name: value` per line, named as on the command line (`lr-milestones: [8, 16, 22]`);
 * `lrMilestones` and `lr_milestones` are understood too. Paths are relative to the current folder.
 *
 * @throws {InputError} if the file cannot be read, is not YAML, or has an option that is unknown or of another type:
 * the message has the file, the line, the option, what was expected and what was found.
 *
 * @example
 * ```ts
 * import { readOptionsFile } from "./options_file.ts";
 *
 * const path = Deno.makeTempFileSync();
 * Deno.writeTextFileSync(path, "batch-size: 64\nlr-milestones: [4, 6]\n");
 * console.assert(readOptionsFile(path).batchSize === 64);
 * Deno.removeSync(path);
 * ```
 */
export function readOptionsFile(path: string): Partial<TrainOptions> {
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(readText(path), { lineCounter: lines });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const what = problem.message.split("\n")[0].replace(/:?( at line \d+, column \d+:?)?$/, "");
    const line = lines.linePos(problem.pos[0]).line;
    throw new InputError(`Cannot read option file ${path}: expected YAML, found at line ${line}: ${what}`);
  }
  if (document.contents === null) return {};
  if (!yaml.isMap(document.contents)) {
    throw new InputError(`Cannot read option file ${path}: expected one "name: value" per line, found something else`);
  }
  const table = new Map(optionTable(trainOptionsSchema).map((info) => [info.key, info]));
  const values: Record<string, unknown> = {};
  const places: Record<string, string> = {};
  for (const { key, value } of document.contents.items) {
    const offset = yaml.isNode(key) ? key.range?.[0] ?? 0 : 0;
    const place = `line ${lines.linePos(offset).line} of option file ${path}`;
    const name = yaml.isScalar(key) ? String(key.value) : String(key);
    const info = table.get(keyName(name));
    if (info === undefined) throw new InputError(unknownName(name, place, [...table.values()]));
    if (info.key in values) {
      throw new InputError(`Cannot use ${place}: found ${info.flag} a second time; leave one out`);
    }
    values[info.key] = readValue(info, plainValue(value, document, place));
    places[info.key] = `${info.flag} at ${place}`;
  }
  return checkTrainOptions(values, (key) => places[key]);
}

/**
 * Writes options as a file that `readOptionsFile` reads back: hparam.yaml of a run.
 *
 * @throws {InputError} if the file cannot be written.
 */
export function writeOptionsFile(path: string, options: Partial<TrainOptions>): void {
  const document = new yaml.Document({});
  document.commentBefore = " Options of a training run; names are those of the command line.";
  for (const { key, flag } of optionTable(trainOptionsSchema)) {
    const value = options[key as keyof TrainOptions];
    if (value !== undefined) document.set(flag, document.createNode(value, { flow: true }));
  }
  writeFileAtomic(path, new TextEncoder().encode(document.toString({ lineWidth: 0 })), { force: true });
}

function readText(path: string): string {
  let bytes: Uint8Array;
  try {
    using file = Deno.openSync(path);
    const { size, isFile } = file.statSync();
    if (!isFile) throw new InputError(`Cannot read option file ${path}: expected a file, found something else`);
    if (size > LARGEST_FILE) {
      throw new InputError(`Cannot read option file ${path}: expected at most ${LARGEST_FILE} bytes, found ${size}`);
    }
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw ioError("read option file", path, error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`Cannot read option file ${path}: expected text in UTF-8, found other bytes`);
  }
}

/** Lists may be written as on the command line: `8,16,22`, or one value alone. */
function readValue(info: OptionInfo, value: unknown): unknown {
  if (info.kind !== "numbers" && info.kind !== "texts") return value ?? null;
  if (typeof value === "string") return readOptionText(info.kind, value);
  return typeof value === "number" ? [value] : value ?? null;
}

function plainValue(value: unknown, document: yaml.Document, place: string): unknown {
  try {
    return yaml.isNode(value) ? value.toJS(document, { maxAliasCount: 10 }) : value;
  } catch {
    throw new InputError(`Cannot use ${place}: expected a plain value, found too many aliases`);
  }
}

function unknownName(name: string, place: string, table: OptionInfo[]): string {
  const nearest = nearestName(name, table.map(({ key }) => key));
  const flag = table.find(({ key }) => key === nearest)?.flag;
  return `Cannot use ${place}: expected an option's name, found ${JSON.stringify(name)}${
    flag ? `; did you mean ${flag}?` : ""
  }`;
}
