import { InputError } from "../errors.ts";

/** Types of numbers in a safetensors file that are read and written here. */
export type TensorDtype = "F32" | "F16" | "BF16" | "F64" | "I32" | "I64" | "U8" | "BOOL";

/** Where a tensor lies and what it is. */
export interface TensorPlace {
  /** Type of the numbers. */
  readonly dtype: TensorDtype;
  /** Length along each axis; empty for a single number. */
  readonly shape: readonly number[];
  /** First byte, counted from the start of the data. */
  readonly begin: number;
  /** One past the last byte. */
  readonly end: number;
}

/** What a header says. */
export interface SafetensorsHeader {
  /** Tensors by name. */
  tensors: Map<string, TensorPlace>;
  /** Texts by name. */
  metadata: Record<string, string>;
}

/** Bytes per number. */
export const DTYPE_BYTES: Readonly<Record<TensorDtype, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  U8: 1,
  BOOL: 1,
};

/** The largest header that is read; the format's own library has the same limit. */
export const MOST_HEADER_BYTES = 100_000_000;

const MOST_AXES = 64;

/** Numbers in a tensor of this shape. */
export function tensorSize(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * Checks the header's text against the size of the data: known types, sizes that fit, tensors side by side without hole or overlap,
 * no name twice.
 *
 * @throws {InputError} built by `fail`, which knows the file.
 */
export function parseHeader(text: string, dataBytes: number, fail: (what: string) => InputError): SafetensorsHeader {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw fail("expected a header in JSON, found something else");
  }
  if (!isObject(header)) throw fail("expected a JSON object as the header, found another value");
  const twice = duplicateKey(text);
  if (twice !== undefined) throw fail(`expected every name once, found ${JSON.stringify(twice)} twice`);
  const metadata: Record<string, string> = {};
  const tensors = new Map<string, TensorPlace>();
  for (const [name, value] of Object.entries(header)) {
    if (name !== "__metadata__") {
      tensors.set(name, parsePlace(name, value, fail));
      continue;
    }
    if (!isObject(value)) throw fail("expected texts by name as __metadata__, found something else");
    for (const [key, entry] of Object.entries(value)) {
      if (typeof entry !== "string") {
        throw fail(`expected a text for ${JSON.stringify(key)} in __metadata__, found ${typeof entry}`);
      }
      Object.defineProperty(metadata, key, { value: entry, enumerable: true, writable: true, configurable: true });
    }
  }
  checkCover(tensors, dataBytes, fail);
  return { tensors, metadata };
}

function parsePlace(name: string, value: unknown, fail: (what: string) => InputError): TensorPlace {
  const of = `of tensor ${JSON.stringify(name.slice(0, 100))}`;
  if (!isObject(value)) throw fail(`expected the place ${of}, found something else`);
  const { dtype, shape, data_offsets: offsets, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) {
    throw fail(`expected dtype, shape and data_offsets ${of}, found ${JSON.stringify(unknown)} too`);
  }
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    throw fail(
      `expected dtype ${of} to be one of ${Object.keys(DTYPE_BYTES).join(", ")}, found ${JSON.stringify(dtype)}`,
    );
  }
  if (!isCounts(shape) || shape.length > MOST_AXES) {
    throw fail(`expected the shape ${of} as whole numbers, found something else`);
  }
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw fail(`expected data_offsets ${of} as two rising whole numbers, found something else`);
  }
  const bytes = tensorSize(shape) * DTYPE_BYTES[dtype as TensorDtype];
  if (bytes !== offsets[1] - offsets[0]) {
    throw fail(
      `expected ${bytes} bytes for shape [${shape}] and dtype ${dtype} ${of}, found ${offsets[1] - offsets[0]}`,
    );
  }
  return { dtype: dtype as TensorDtype, shape, begin: offsets[0], end: offsets[1] };
}

/** The tensors must fill the data, each byte once. */
function checkCover(tensors: Map<string, TensorPlace>, dataBytes: number, fail: (what: string) => InputError): void {
  let at = 0;
  for (const [name, { begin, end }] of byPlace(tensors)) {
    if (begin !== at) {
      throw fail(
        `expected tensor ${JSON.stringify(name)} at byte ${at} of the data, found it at ${begin}: ${
          begin < at ? "an overlap" : "a hole"
        }`,
      );
    }
    at = end;
  }
  if (at !== dataBytes) throw fail(`expected ${at} bytes of data, found ${dataBytes}`);
}

/** Tensors in the order they lie in the file. */
export function byPlace(tensors: Map<string, TensorPlace>): [string, TensorPlace][] {
  return [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
}

/** The first name that an object of this valid JSON text has twice: JSON.parse would keep the last and say nothing. */
function duplicateKey(text: string): string | undefined {
  const objects: (Set<string> | undefined)[] = []; // undefined for arrays
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "{" || character === "[") {
      objects.push(character === "{" ? new Set() : undefined);
      expectsKey = character === "{";
    } else if (character === "}" || character === "]") {
      objects.pop();
      expectsKey = false;
    } else if (character === ",") {
      expectsKey = objects.at(-1) !== undefined;
    } else if (character === '"') {
      const start = i;
      for (i++; text[i] !== '"'; i++) if (text[i] === "\\") i++;
      if (!expectsKey) continue;
      expectsKey = false;
      const key = JSON.parse(text.slice(start, i + 1)) as string;
      const keys = objects.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
