import assert from "node:assert/strict";
import { checkImports, readProject } from "../../tools/check_imports.ts";
import { scanImports } from "../../tools/import_scan.ts";

/** The messages for `source` at `file`, beside the empty files `others`. */
function messages(file: string, source: string, ...others: string[]): string[] {
  const files = new Map([[file, source], ...others.map((path) => [path, ""] as [string, string])]);
  return checkImports(files, { longFiles: {} }).map((offence) => `${offence.file}:${offence.line}: ${offence.message}`);
}

Deno.test("scanImports() finds static, dynamic, type-only, re-exporting and Worker imports, with their lines", () => {
  const source = [
    "#!/usr/bin/env -S deno run",
    'import a, { b as c } from "./1.ts";',
    "import type { D } from './2.ts';",
    'import * as e from "./3.ts"; import "./4.ts";',
    "const f = await import(",
    "  `./5.ts`);",
    'type G = import("./6.ts").G;',
    'export * from "./7.ts"; export * as h from "./8.ts"; export type { I } from "./9.ts";',
    'export { j, type K } from "./10.ts";',
    'new Worker(new URL("./11.ts", import.meta.url), { type: "module" });',
    'import data from "./12.json" with { type: "json" };',
    'import {\n  l,\n} from "./13.ts";',
  ].join("\n");
  const sites = scanImports(source);
  assert.deepEqual(
    sites.map((site) => `${site.line} ${site.kind} ${site.specifier}`),
    [
      "2 import ./1.ts",
      "3 import ./2.ts",
      "4 import ./3.ts",
      "4 import ./4.ts",
      "6 import ./5.ts",
      "7 import ./6.ts",
      "8 export ./7.ts",
      "8 export ./8.ts",
      "8 export ./9.ts",
      "9 export ./10.ts",
      "10 url ./11.ts",
      "11 import ./12.json",
      "14 import ./13.ts",
    ],
  );
});

Deno.test("scanImports() is not misled by comments, strings, templates and regular expressions", () => {
  const source = [
    '/** import "./a.ts"; */ // import "./b.ts"',
    "const s = 'import \"./c.ts\"';",
    'const t = `import "./d.ts" ${[1].map((x) => { return `${x} import "./e.ts" ${{ a: "}" }.a}`; })} import "./f.ts"`;',
    'const r = /import ".\\/g.ts"[/"`]/.test(s) ? 4 / 2 / 1 : `x`; const from = "./h.ts"; export { from };',
    'import.meta.resolve("./i.ts"); loader.import("./j.ts"); export const k = "./k.ts"; export type L = "./l.ts";',
    'const u = new URL("./m.ts", "https://example.org/");',
    'import { real } from "./real.ts";',
  ].join("\n");
  assert.deepEqual(scanImports(source).map((site) => site.specifier), ["./real.ts"]);
});

Deno.test("checkImports() lets rooms import only those on their left", () => {
  assert.deepEqual(messages("lib/head/a.ts", 'import "../nn/b.ts";', "lib/nn/b.ts"), []);
  assert.deepEqual(messages("lib/nn/b.ts", '\nimport type { A } from "../head/a.ts";', "lib/head/a.ts"), [
    'lib/nn/b.ts:2: lib/nn may not import lib/head ("../head/a.ts")',
  ]);
  assert.deepEqual(messages("tools/a.ts", 'import "../cli/train.ts";', "cli/train.ts"), [
    'tools/a.ts:1: tools may not import cli ("../cli/train.ts")',
  ]);
  assert.deepEqual(messages("tools/a.ts", 'new URL("../cli/train.ts", import.meta.url);', "cli/train.ts"), []);
  assert.deepEqual(messages("lib/data/a.ts", 'new URL("../train/w.ts", import.meta.url);', "lib/train/w.ts"), [
    'lib/data/a.ts:1: lib/data may not import lib/train ("../train/w.ts")',
  ]);
  assert.deepEqual(messages("lib/data/a.ts", 'import "../../mod.ts";', "mod.ts"), [
    'lib/data/a.ts:1: lib/data may not import mod.ts ("../../mod.ts")',
  ]);
});

Deno.test("checkImports() keeps dependencies in lib/deps, with one exact version", () => {
  assert.deepEqual(messages("lib/deps/zod.ts", 'export * from "npm:zod@4.6.7";'), []);
  assert.deepEqual(messages("lib/deps/a.ts", 'export * from "npm:@b/c@1.2.3/wire";'), []);
  assert.deepEqual(messages("tests/deps/a.ts", 'export * from "npm:b@1.2.3";'), []);
  assert.match(messages("tests/a_test.ts", 'import "npm:b@1.2.3";')[0], /through a file of lib\/deps/);
  assert.match(messages("lib/deps/zod.ts", 'export * from "npm:zod@^4.6.7";')[0], /exact version/);
  assert.match(messages("lib/deps/zod.ts", 'export * from "npm:@a/zod";')[0], /exact version/);
  assert.match(messages("lib/data/a.ts", 'import "npm:zod@4.6.7";')[0], /come through a file of lib\/deps/);
  assert.match(messages("lib/data/a.ts", 'import "jsr:@std/assert";')[0], /only npm:, node: and relative/);
  assert.match(
    messages("lib/data/a.ts", 'await import("https://example.org/a.ts");')[0],
    /only npm:, node: and relative/,
  );
  assert.match(messages("lib/data/a.ts", 'import "zod";')[0], /import map/);
  assert.deepEqual(messages("tests/a_test.ts", 'import assert from "node:assert/strict";'), []);
});

Deno.test("checkImports() keeps dependencies out of what mod.ts exports", () => {
  assert.deepEqual(messages("mod.ts", 'import "./lib/deps/zod.ts";', "lib/deps/zod.ts"), []);
  assert.match(messages("mod.ts", 'export * from "./lib/deps/zod.ts";', "lib/deps/zod.ts")[0], /not hand it on/);
  assert.deepEqual(messages("mod.ts", 'export * from "./lib/errors.ts";', "lib/errors.ts"), []);
});

Deno.test("checkImports() names files that are missing, outside, long, or in no room", () => {
  assert.match(messages("lib/data/a.ts", 'import "./b.ts";')[0], /is no file: expected lib\/data\/b.ts/);
  assert.deepEqual(messages("tools/a.ts", 'import program from "./b.py" with { type: "text" };'), []);
  assert.match(messages("lib/data/a.ts", 'import "../../../b.ts";')[0], /outside the project/);
  assert.deepEqual(messages("tests/a_test.ts", 'new URL("../../data/train.rec", import.meta.url);'), []);
  assert.match(messages("attic/a.ts", "")[0], /in no room/);
  const long = "//\n".repeat(401);
  assert.match(messages("lib/data/a.ts", long)[0], /^lib\/data\/a.ts:401: 401 lines/);
  assert.deepEqual(messages("lib/data/a.ts", "//\n".repeat(400)), []);
  const files = new Map([["lib/data/a.ts", long]]);
  assert.deepEqual(checkImports(files, { longFiles: { "lib/data/a.ts": "one table" } }), []);
  files.set("lib/data/a.ts", "");
  assert.match(checkImports(files, { longFiles: { "lib/data/a.ts": "one table" } })[0].message, /listed in LONG_FILES/);
});

Deno.test("readProject() finds this file and leaves hidden folders alone", () => {
  const files = readProject(new URL("../../", import.meta.url));
  assert.ok(files.has("tests/tools/check_imports_test.ts"));
  assert.ok([...files.keys()].every((path) => !path.includes("/.") && !path.startsWith(".")));
});
