/** What a pickle holds, in types of ours. Long bytes and texts stay in the file: a value is where they are. */
import type { ByteFile } from "./byte_file.ts";

/**
 * How bytes are written in a pickle: as they are; as the code points of UTF-8 text (protocol 2 and 3's
 * `_codecs.encode(text, "latin1")`); as protocol 0's escaped text line; as Python 2's quoted string.
 */
export type PickleEncoding = "raw" | "utf-8" | "raw-unicode-escape" | "string-escape";

/** Bytes (`bytes`, `bytearray`, Python 2's `str`), read when asked for. */
export class PickleBytes {
  readonly #file: ByteFile | undefined;
  readonly #held: Uint8Array<ArrayBuffer> | undefined;
  /** Where the bytes start in the file. */
  readonly offset: number;
  /** Bytes they take in the file. */
  readonly stored: number;
  /** How they are written there. */
  readonly encoding: PickleEncoding;

  /** Bytes at a place in `file`, or `held` in memory when they are few. */
  constructor(
    source: ByteFile | Uint8Array<ArrayBuffer>,
    offset: number,
    stored: number,
    encoding: PickleEncoding = "raw",
  ) {
    if (source instanceof Uint8Array) this.#held = source;
    else this.#file = source;
    this.offset = offset;
    this.stored = stored;
    this.encoding = encoding;
  }

  /** Number of bytes, where that is known without reading them. */
  get length(): number | undefined {
    if (this.#held !== undefined) return this.#held.length;
    return this.encoding === "raw" ? this.stored : undefined;
  }

  /**
   * The bytes themselves.
   *
   * @throws {InputError} if the file ends before, or holds what these bytes cannot be written as.
   */
  read(): Uint8Array<ArrayBuffer> {
    if (this.#held !== undefined) return this.#held.slice();
    const file = this.#file!;
    const stored = file.read(this.offset, this.stored);
    if (this.encoding === "raw") return stored;
    const decoded = this.encoding === "utf-8"
      ? latin1OfUtf8(stored)
      : this.encoding === "string-escape"
      ? unescapeString(stored)
      : latin1OfText(unescapeUnicode(stored));
    return decoded ?? file.fail(`expected bytes written as ${this.encoding} text, found other characters`, this.offset);
  }
}

/** A text too long to be held as a string, read when asked for. */
export class PickleText {
  readonly #file: ByteFile;
  /** Where the text starts in the file. */
  readonly offset: number;
  /** Bytes it takes in the file. */
  readonly stored: number;
  /** How it is written there. */
  readonly encoding: "utf-8" | "raw-unicode-escape";

  /** The text at a place in `file`. */
  constructor(file: ByteFile, offset: number, stored: number, encoding: "utf-8" | "raw-unicode-escape") {
    this.#file = file;
    this.offset = offset;
    this.stored = stored;
    this.encoding = encoding;
  }

  /** The bytes whose latin-1 text this is. */
  encodeLatin1(): PickleBytes {
    return new PickleBytes(this.#file, this.offset, this.stored, this.encoding);
  }

  /**
   * The text itself.
   *
   * @throws {InputError} if the file does not hold text there.
   */
  read(): string {
    const stored = this.#file.read(this.offset, this.stored);
    const text = this.encoding === "utf-8" ? decodeUtf8(stored) : unescapeUnicode(stored);
    return text ?? this.#file.fail(`expected ${this.encoding} text, found other bytes`, this.offset);
  }
}

/** A Python tuple. Lists are arrays, dicts are Maps. */
export class PickleTuple {
  /** The tuple's values. */
  readonly items: readonly unknown[];

  /** A tuple of `items`. */
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** What a constructor of the allow-list may use. */
export interface PickleContext {
  /** The file being read. */
  readonly file: ByteFile;
  /** Throws an InputError that names the file and the place of the instruction. */
  fail(what: string): never;
}

/** Builds a value from the arguments a pickle gives. It must check every one of them: they are a stranger's bytes. */
export type PickleConstructor = (args: readonly unknown[], context: PickleContext) => unknown;

/** What a pickle may name: "module.name" to what is built for it. Everything else is refused. */
export type PickleAllowList = ReadonlyMap<string, PickleConstructor>;

/** A name of the allow-list, before it is called. */
export class PickleGlobal {
  /** "module.name". */
  readonly name: string;
  /** Builds the value. */
  readonly construct: PickleConstructor;

  /** The constructor `construct`, called `name` in pickles. */
  constructor(name: string, construct: PickleConstructor) {
    this.name = name;
    this.construct = construct;
  }
}

/** A value that takes a state after it was made (the BUILD instruction). */
export interface PickleStateful {
  /** Takes over `state`, checking it. */
  setPickleState(state: unknown, context: PickleContext): void;
}

/** Whether `value` takes a state. */
export function isPickleStateful(value: unknown): value is PickleStateful {
  return typeof value === "object" && value !== null &&
    typeof (value as Partial<PickleStateful>).setPickleState === "function";
}

/** A name or key as a string: text, or Python 2's short `str`. Undefined for anything else. */
export function pickleString(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value instanceof PickleBytes && value.stored <= 1024) {
    return String.fromCharCode(...value.read());
  }
  return undefined;
}

/** In words, for messages: "a list of 3", "bytes", "None". */
export function describePickle(value: unknown): string {
  if (value === null) return "None";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof PickleTuple) return `a tuple of ${value.items.length}`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  if (value instanceof PickleBytes) return "bytes";
  if (value instanceof PickleText || typeof value === "string") return "text";
  if (value instanceof PickleGlobal) return `the name ${value.name}`;
  if (typeof value === "object") return `a ${value.constructor.name}`;
  return typeof value === "bigint" ? "a number" : `a ${typeof value}`;
}

/** UTF-8 as a string, or undefined where it is not UTF-8. Python's lone surrogates (surrogatepass) are not accepted. */
export function decodeUtf8(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The code points of UTF-8 text as bytes, or undefined where one is over 255 or the text is not UTF-8. */
function latin1OfUtf8(text: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(text.length);
  let count = 0;
  for (let i = 0; i < text.length; i++) {
    const first = text[i];
    if (first < 0x80) {
      bytes[count++] = first;
    } else {
      const second = text[++i];
      // U+0080 … U+00FF are C2 80 … C3 BF
      if ((first !== 0xc2 && first !== 0xc3) || second === undefined || (second & 0xc0) !== 0x80) return undefined;
      bytes[count++] = ((first & 3) << 6) | (second & 0x3f);
    }
  }
  return bytes.slice(0, count);
}

/** The characters of a string as bytes, or undefined where one is over 255. */
export function latin1OfText(text: string | undefined): Uint8Array<ArrayBuffer> | undefined {
  if (text === undefined) return undefined;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 255) return undefined;
    bytes[i] = code;
  }
  return bytes;
}

/** Python's raw-unicode-escape: latin-1, with \uXXXX and \UXXXXXXXX. Undefined where an escape is not one. */
export function unescapeUnicode(line: Uint8Array): string | undefined {
  const latin1 = new TextDecoder("latin1"); // is windows-1252 by the Encoding Standard: used for ASCII digits only
  const parts: string[] = [];
  let codes: number[] = [];
  const add = (code: number) => {
    if (codes.push(code) >= 4096) {
      parts.push(String.fromCodePoint(...codes));
      codes = [];
    }
  };
  for (let i = 0; i < line.length; i++) {
    const escape = line[i] === 0x5c ? line[i + 1] : undefined;
    if (escape !== 0x75 && escape !== 0x55) {
      add(line[i]);
      if (line[i] === 0x5c && escape !== undefined) {
        add(escape); // a backslash before another character, a second backslash too, stands for itself
        i++;
      }
      continue;
    }
    const digits = latin1.decode(line.subarray(i + 2, i + 2 + (escape === 0x75 ? 4 : 8)));
    const code = /^(?:[0-9a-fA-F]{4}){1,2}$/.test(digits) && digits.length === (escape === 0x75 ? 4 : 8)
      ? parseInt(digits, 16)
      : Infinity;
    if (code > 0x10ffff) return undefined;
    add(code);
    i += 1 + digits.length;
  }
  return parts.join("") + String.fromCodePoint(...codes);
}

const STRING_ESCAPES: Record<string, number> = {
  "\\": 0x5c,
  "'": 0x27,
  '"': 0x22,
  n: 10,
  r: 13,
  t: 9,
  a: 7,
  b: 8,
  f: 12,
  v: 11, // as in Python's grammar
};

/** Python 2's quoted string, without its quotes, as bytes. Undefined where an escape is not one. */
export function unescapeString(quoted: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(quoted.length);
  let count = 0;
  for (let i = 0; i < quoted.length; i++) {
    if (quoted[i] !== 0x5c) {
      bytes[count++] = quoted[i];
      continue;
    }
    const escape = String.fromCharCode(quoted[++i] ?? 0);
    const rest = String.fromCharCode(...quoted.subarray(i, i + 3));
    const octal = /^[0-7]{1,3}/.exec(rest)?.[0];
    if (escape === "x") {
      if (!/^x[0-9a-fA-F]{2}$/.test(rest)) return undefined;
      bytes[count++] = parseInt(rest.slice(1), 16);
      i += 2;
    } else if (octal !== undefined) {
      bytes[count++] = parseInt(octal, 8) & 255;
      i += octal.length - 1;
    } else if (escape in STRING_ESCAPES) {
      bytes[count++] = STRING_ESCAPES[escape];
    } else {
      return undefined; // Python keeps unknown escapes; its pickler never writes one
    }
  }
  return bytes.slice(0, count);
}
