import * as z from "../deps/zod.ts";

/** An option as a command line or a manual needs it, read from the schema. */
export interface OptionInfo {
  /** Name in TypeScript: `batchSize`. */
  key: string;
  /** Name on the command line and in option files, without the leading dashes: `batch-size`. */
  flag: string;
  /** The heading it stands under. */
  group: string;
  /** One line, without the default. */
  description: string;
  /** What kind of value it takes. */
  kind: "number" | "boolean" | "text" | "numbers" | "texts";
  /** The values it may have, where they are a list. */
  choices: string[] | undefined;
  /** What it is when not given; undefined if it is not there then. */
  default: unknown;
}

/** The part of a JSON Schema that zod makes of an option and that is used here. */
interface JsonType {
  type?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  pattern?: string;
  enum?: string[];
  items?: JsonType;
  default?: unknown;
  description?: string;
  group?: string;
}

/**
 * The options of a schema whose entries carry `group` and `description` as metadata, in its order.
 *
 * @example
 * ```ts
 * import { optionTable } from "./option_table.ts";
 * import { trainOptionsSchema } from "./options_schema.ts";
 *
 * const batchSize = optionTable(trainOptionsSchema).find(({ key }) => key === "batchSize");
 * console.assert(batchSize?.flag === "batch-size" && batchSize.default === 512);
 * ```
 */
export function optionTable(schema: z.ZodObject): OptionInfo[] {
  return Object.entries(schema.shape).map(([key, type]) => {
    const json = jsonType(type);
    return {
      key,
      flag: flagName(key),
      group: json.group ?? "Options",
      description: json.description ?? "",
      kind: kindOf(json),
      choices: json.enum,
      default: json.default,
    };
  });
}

/** `batchSize` as it stands on the command line: `batch-size`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `batch-size` or `batch_size` as it stands in TypeScript: `batchSize`. */
export function keyName(name: string): string {
  return name.replace(/[-_]+([a-zA-Z0-9])/g, (_, letter) => letter.toUpperCase());
}

/**
 * What the user typed for an option, as the value it stands for. Text that is not what the option takes is handed back
 * as it is: the schema refuses it and shows it.
 */
export function readOptionText(kind: OptionInfo["kind"], text: string): unknown {
  const number = (word: string) => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(word) ? Number(word) : word;
  switch (kind) {
    case "number":
      return number(text.trim());
    case "numbers":
      return text.trim() === "" ? [] : text.split(",").map((word) => number(word.trim()));
    case "texts":
      return [text];
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "text":
      return text;
  }
}

/** What a value of this type has to be, in words: "a whole number from 1 to 256". */
export function expectation(type: z.core.$ZodType): string {
  return inWords(jsonType(type));
}

/**
 * The candidate that `name` was most likely meant to be; undefined if none is near. Case, dashes and underscores do not
 * count, and an option that other trainers call otherwise is found by that name.
 */
export function nearestName(name: string, candidates: string[]): string | undefined {
  const wanted = bare(name);
  const alias = ALIASES[wanted];
  if (alias !== undefined && candidates.includes(alias)) return alias;
  let nearest: string | undefined;
  // A third of the letters may be wrong.
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = edits(wanted, bare(candidate));
    if (distance < least) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/** What the published code and other trainers call these, without case, dashes and underscores. */
const ALIASES: Record<string, string> = {
  dataset: "data",
  rec: "data",
  trainset: "data",
  valrootdir: "val",
  valtargets: "val",
  resumedir: "resume",
  epochs: "endEpoch",
  numepoch: "endEpoch",
  learningrate: "lr",
  milestones: "lrMilestones",
  network: "model",
  backbone: "model",
  head: "headType",
  output: "workDir",
  workers: "numWorkers",
  mu: "centerMomentum",
  gradientacc: "accumulate",
  warmup: "warmupEpochs",
  frequent: "logEvery",
};

function bare(name: string): string {
  return name.toLowerCase().replace(/[-_]/g, "");
}

/** Letters to insert, leave out, replace or swap with their neighbour to make `b` of `a`. */
function edits(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(row[j - 1] + 1, above[j] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], before[j - 2] + 1);
      }
    }
    before = above;
    above = row;
  }
  return above[b.length];
}

function jsonType(type: z.core.$ZodType): JsonType {
  return z.toJSONSchema(type, { io: "input" }) as JsonType;
}

function kindOf(json: JsonType): OptionInfo["kind"] {
  if (json.type === "array") return json.items?.type === "string" ? "texts" : "numbers";
  if (json.type === "boolean") return "boolean";
  return json.type === "string" ? "text" : "number";
}

function inWords(json: JsonType): string {
  if (json.enum !== undefined) return `one of ${json.enum.join(", ")}`;
  if (json.type === "boolean") return "true or false";
  if (json.type === "array") return `a list, each ${inWords(json.items ?? {})}`;
  if (json.pattern !== undefined) return "the name of a folder, without slashes";
  if (json.type === "string") return json.minLength ? "a text that is not empty" : "a text";
  const limits: string[] = [];
  if (json.exclusiveMinimum !== undefined) limits.push(`above ${json.exclusiveMinimum}`);
  if (json.minimum !== undefined) limits.push(`of at least ${json.minimum}`);
  if (json.exclusiveMaximum !== undefined) limits.push(`below ${json.exclusiveMaximum}`);
  // The largest whole number there is, or that fits 31 bits, is no limit worth naming.
  if (json.maximum !== undefined && json.maximum < 2 ** 31 - 1) limits.push(`of at most ${json.maximum}`);
  return [json.type === "integer" ? "a whole number" : "a number", limits.join(" and ")].filter(Boolean).join(" ");
}
