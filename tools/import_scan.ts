/** How a module is named by another. */
export interface ImportSite {
  /** What stands between the quotes. */
  specifier: string;
  /** Line of the specifier, from 1. */
  line: number;
  /**
   * `import` for static imports and `import()` (types included), `export` for `export … from`, `url` for
   * `new URL("…", import.meta.url)`: how Workers are named.
   */
  kind: "import" | "export" | "url";
}

type Token =
  | { kind: "word" | "mark"; text: string; line: number }
  | { kind: "text"; text: string; line: number }
  | { kind: "other"; text: ""; line: number };

/** Words after which a slash begins a regular expression, not a division. */
const BEFORE_REGEX = new Set(
  "return typeof instanceof in of new delete void throw case do else yield await default".split(" "),
);

/**
 * Every place where TypeScript source names another module. Reads tokens, not lines: comments (and the examples in them),
 * strings, templates and regular expressions that look like imports are not taken for one.
 *
 * @example
 * ```ts
 * import { scanImports } from "./import_scan.ts";
 *
 * const sites = scanImports('import type { A } from "./a.ts"; // import "./b.ts"');
 * console.assert(sites.length === 1 && sites[0].specifier === "./a.ts");
 * ```
 */
export function scanImports(source: string): ImportSite[] {
  const tokens = [...tokenize(source)];
  const sites: ImportSite[] = [];
  const is = (i: number, text: string) =>
    tokens[i] !== undefined && tokens[i].kind !== "text" && tokens[i].text === text;
  const add = (i: number, kind: ImportSite["kind"]) => {
    const token = tokens[i];
    if (token?.kind === "text") sites.push({ specifier: token.text, line: token.line, kind });
  };
  for (let i = 0; i < tokens.length; i++) {
    if (is(i - 1, ".") || tokens[i].kind !== "word") continue;
    if (tokens[i].text === "import") {
      if (tokens[i + 1]?.kind === "text") add(i + 1, "import");
      else if (is(i + 1, "(")) add(i + 2, "import");
      else if (!is(i + 1, ".")) add(fromOf(tokens, i), "import");
    } else if (tokens[i].text === "export" && (is(i + 1, "*") || is(i + 1, "{") || is(i + 1, "type"))) {
      add(fromOf(tokens, i), "export");
    } else if (
      tokens[i].text === "URL" && is(i - 1, "new") && is(i + 1, "(") && is(i + 3, ",") && is(i + 4, "import")
    ) {
      add(i + 2, "url");
    }
  }
  return sites;
}

/** Index of the text after `from` in the import or export clause that begins at `start`; -1 if it has none. */
function fromOf(tokens: Token[], start: number): number {
  for (let i = start + 1; i < tokens.length; i++) {
    const token = tokens[i];
    if (token.kind === "text") return tokens[i - 1].text === "from" ? i : -1;
    if (token.kind === "other" || (token.kind === "mark" && !"*{},".includes(token.text))) return -1;
  }
  return -1;
}

function* tokenize(source: string): Generator<Token> {
  /** For each open template, how many braces were open when its `${` began. */
  const templates: number[] = [];
  let braces = 0;
  let line = 1;
  let last: Token | undefined;
  let i = source.startsWith("#!") ? source.indexOf("\n") : 0;
  if (i < 0) return;

  const take = (pattern: RegExp): string => {
    pattern.lastIndex = i;
    const text = pattern.exec(source)?.[0] ?? source[i];
    i += text.length;
    return text;
  };
  const emit = (kind: Token["kind"], text: string, raw: string): Token => {
    const token = { kind, text, line } as Token;
    line += raw.split("\n").length - 1;
    last = token;
    return token;
  };

  while (i < source.length) {
    const c = source[i];
    if (/\s/.test(c)) {
      if (c === "\n") line++;
      i++;
    } else if (source.startsWith("//", i)) {
      take(/[^\n]*/y);
    } else if (source.startsWith("/*", i)) {
      line += take(/\/\*[^]*?(?:\*\/|$)/y).split("\n").length - 1;
    } else if (c === '"' || c === "'") {
      const raw = take(c === '"' ? /"(?:[^"\\\n]|\\[^])*"?/y : /'(?:[^'\\\n]|\\[^])*'?/y);
      yield emit("text", raw.slice(1, -1), raw);
    } else if (c === "`" || (c === "}" && templates.at(-1) === braces)) {
      const opens = c === "`";
      if (!opens) templates.pop();
      const raw = take(/[`}](?:[^`\\$]|\\[^]|\$(?!\{))*(?:`|\$\{|$)/y);
      const whole = opens && raw.length > 1 && raw.endsWith("`");
      if (raw.endsWith("${")) templates.push(braces);
      yield whole ? emit("text", raw.slice(1, -1), raw) : emit("other", "", raw);
      // What follows `${` is the beginning of an expression: a slash there opens a regular expression.
      if (raw.endsWith("${")) last = undefined;
    } else if (c === "/" && mayBeginRegex(last)) {
      const raw = take(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y);
      yield emit(raw === "/" ? "mark" : "other", raw === "/" ? "/" : "", raw);
    } else if (/[\p{L}_$#@0-9]/u.test(c)) {
      const raw = take(/[\p{L}\p{N}_$#@]+/uy);
      yield /^\d/.test(raw) ? emit("other", "", raw) : emit("word", raw, raw);
    } else {
      if (c === "{") braces++;
      if (c === "}") braces--;
      i++;
      yield emit("mark", c, c);
    }
  }
}

function mayBeginRegex(last: Token | undefined): boolean {
  if (last === undefined) return true;
  if (last.kind === "word") return BEFORE_REGEX.has(last.text);
  return last.kind === "mark" && ![")", "]", "}"].includes(last.text);
}
