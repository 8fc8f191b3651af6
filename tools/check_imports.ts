// deno-lint-ignore-file no-console -- a command prints
/**
 * Checks what the rooms of the house may know of each other: imports go one way only, dependencies come through lib/deps
 * with one exact version each, files stay short.
 *
 *     deno run --allow-read tools/check_imports.ts
 */
import { type ImportSite, scanImports } from "./import_scan.ts";

/** Rooms that each room may import, besides itself. Paths are relative to the project's folder. */
const MAY_IMPORT: Record<string, string[]> = {
  "lib/errors.ts": [],
  "lib/deps": [],
  "lib/data": ["lib/errors.ts", "lib/deps"],
  "lib/gpu": ["lib/errors.ts", "lib/deps"],
  "lib/nn": ["lib/errors.ts", "lib/deps", "lib/data", "lib/gpu"],
  "lib/head": ["lib/errors.ts", "lib/deps", "lib/data", "lib/gpu", "lib/nn"],
  "lib/dist": ["lib/errors.ts", "lib/deps"],
  "lib/eval": ["lib/errors.ts", "lib/deps", "lib/data", "lib/gpu", "lib/nn"],
  "lib/model": ["lib/errors.ts", "lib/deps", "lib/data", "lib/gpu", "lib/nn", "lib/eval"],
  "lib/train": [
    "lib/errors.ts",
    "lib/deps",
    "lib/data",
    "lib/gpu",
    "lib/nn",
    "lib/head",
    "lib/dist",
    "lib/model",
    "lib/eval",
  ],
  "mod.ts": ["lib"],
  "cli": ["mod.ts", "lib"],
  "tools": ["mod.ts", "lib"],
  "bench": ["mod.ts", "lib", "tools"],
  "examples": ["mod.ts", "lib"],
  "tests/deps": [],
  "tests": ["mod.ts", "lib", "cli", "tools", "bench", "examples", "tests/deps"],
};

/** Where npm packages are named; those that only tests need stay out of lib. */
const PACKAGES = ["lib/deps", "tests/deps"];

/** Rooms whose files run the commands of others: there `new URL("x.ts", import.meta.url)` may name any file. */
const RUNS_COMMANDS = ["tools", "bench", "tests"];

/** A file longer than this is listed in LONG_FILES, with the reason why it has no seam. */
const LONGEST_FILE = 400;

/** Files that may be longer, and why. */
const LONG_FILES: Record<string, string> = {};

/** Something that has to change: where, and what. */
export interface Offence {
  /** Path relative to the project's folder. */
  file: string;
  /** Line, from 1. */
  line: number;
  /** One sentence: what was found and what is expected. */
  message: string;
}

/** What `checkImports` can be told. */
export interface CheckImportsOptions {
  /** Files that may be longer than 400 lines, and why. @default the project's own list */
  longFiles?: Record<string, string>;
}

/**
 * Checks the files of a project; keys are paths relative to its folder, with forward slashes.
 *
 * @example
 * ```ts
 * import { checkImports } from "./check_imports.ts";
 *
 * const files = new Map([["lib/data/a.ts", 'import "../train/trainer.ts";'], ["lib/train/trainer.ts", ""]]);
 * console.assert(checkImports(files)[0].message.includes("lib/data may not import lib/train"));
 * ```
 */
export function checkImports(files: Map<string, string>, options: CheckImportsOptions = {}): Offence[] {
  const longFiles = options.longFiles ?? LONG_FILES;
  const offences: Offence[] = [];
  for (const [file, source] of files) {
    const add = (line: number, message: string) => offences.push({ file, line, message });
    const room = roomOf(file);
    if (room === undefined) add(1, `${file} is in no room: see MAY_IMPORT in tools/check_imports.ts`);
    for (const site of scanImports(source)) {
      const message = judge(file, room, site, files);
      if (message !== undefined) add(site.line, message);
    }
    const lines = source.trimEnd().split("\n").length;
    if (lines > LONGEST_FILE && longFiles[file] === undefined) {
      add(lines, `${lines} lines: split it along a seam that has a name, or list it with a reason in LONG_FILES`);
    }
  }
  for (const file of Object.keys(longFiles)) {
    if ((files.get(file)?.trimEnd().split("\n").length ?? 0) <= LONGEST_FILE) {
      offences.push({ file, line: 1, message: `is listed in LONG_FILES, but has no more than ${LONGEST_FILE} lines` });
    }
  }
  return offences;
}

function isModule(specifier: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(specifier);
}

function judge(
  file: string,
  room: string | undefined,
  site: ImportSite,
  files: Map<string, string>,
): string | undefined {
  const { specifier, kind } = site;
  if (/^\.\.?\//.test(specifier)) {
    if (kind === "url" && !isModule(specifier)) return undefined; // data
    if (kind === "import" && /\.\w+$/.test(specifier) && !isModule(specifier)) return undefined; // a text
    const target = resolve(file, specifier);
    if (target === undefined) return `"${specifier}" is outside the project`;
    if (!files.has(target)) return `"${specifier}" is no file: expected ${target}`;
    if (kind === "url" && RUNS_COMMANDS.includes(room ?? "")) return undefined; // a program to run, not a module to load
    const to = roomOf(target);
    if (room === undefined || to === undefined || room === to) return undefined;
    if (file === "mod.ts" && to === "lib/deps" && kind === "export") {
      return `mod.ts may import ${target}, not hand it on: dependencies are no part of the public surface`;
    }
    if (MAY_IMPORT[room].some((allowed) => to === allowed || to.startsWith(`${allowed}/`))) return undefined;
    return `${room} may not import ${to} ("${specifier}")`;
  }
  if (specifier.startsWith("node:")) return undefined;
  if (specifier.startsWith("npm:")) {
    if (!PACKAGES.includes(room ?? "")) return `"${specifier}": npm packages come through a file of lib/deps`;
    if (!/^npm:(@[^/@]+\/)?[^/@]+@\d+\.\d+\.\d+[^/]*(\/.*)?$/.test(specifier)) {
      return `"${specifier}": expected one exact version, as in npm:name@1.2.3`;
    }
    return undefined;
  }
  if (/^[a-z]+:/i.test(specifier)) {
    return kind === "url" ? undefined : `"${specifier}": only npm:, node: and relative imports are allowed`;
  }
  return kind === "url"
    ? undefined
    : `"${specifier}": a bare name needs an import map, which modules imported by URL do not have`;
}

/** The room a file is in: the longest key of MAY_IMPORT that its path is or begins with. */
function roomOf(file: string): string | undefined {
  return Object.keys(MAY_IMPORT).filter((room) => file === room || file.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0];
}

/** The project path that `specifier` names, seen from `file`; undefined if it leaves the project. */
function resolve(file: string, specifier: string): string | undefined {
  const parts = file.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** Every TypeScript file of the project in `folder`, but those in hidden folders and the folders git ignores. */
export function readProject(folder: URL): Map<string, string> {
  const files = new Map<string, string>();
  const walk = (under: string) => {
    for (const entry of [...Deno.readDirSync(new URL(under, folder))].sort((a, b) => a.name < b.name ? -1 : 1)) {
      if (entry.name.startsWith(".") || ["node_modules", "work_dirs"].includes(entry.name)) continue;
      if (under === "./" && entry.name === "data") continue;
      if (entry.isDirectory) walk(`${under}${entry.name}/`);
      else if (/\.[cm]?[jt]sx?$/.test(entry.name)) {
        const path = `${under}${entry.name}`;
        files.set(path.slice(2), Deno.readTextFileSync(new URL(path, folder)));
      }
    }
  };
  walk("./");
  return files;
}

if (import.meta.main) {
  const files = readProject(new URL("../", import.meta.url));
  const offences = checkImports(files);
  for (const { file, line, message } of offences) console.error(`${file}:${line}: ${message}`);
  if (offences.length > 0) Deno.exit(1);
  console.log(`Imports of ${files.size} files go the right way`);
}
