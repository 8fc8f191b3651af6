import * as z from "../../lib/deps/zod.ts";
import { InputError } from "../../lib/errors.ts";
import { type BackboneGolden, backboneGolden, type HeadGolden, headGolden } from "./golden_schema.ts";

/** What a golden file is about. */
export type GoldenKind = "head" | "backbone" | "pairs" | "ijb";

/** Names of the kinds. */
export const GOLDEN_KINDS: readonly GoldenKind[] = ["head", "backbone", "pairs", "ijb"];

/** A golden file by what is in it. */
export type GoldenFile =
  & { readonly path: string }
  & (
    | { readonly kind: "head"; readonly value: HeadGolden }
    | { readonly kind: "backbone"; readonly value: BackboneGolden }
    | { readonly kind: "pairs" | "ijb"; readonly value: unknown }
  );

/** No golden file is larger: a few thousand numbers are under a megabyte. */
const MAX_BYTES = 2 ** 28;

/** What only files of one kind have. The rest of a file is checked once its kind is known. */
const MARKS: Readonly<Record<GoldenKind, z.ZodType>> = {
  backbone: z.object({ model: z.string(), parameters: z.array(z.unknown()), float64: z.unknown() }),
  head: z.object({ cases: z.array(z.object({ classes: z.number(), float64: z.unknown() })).min(1) }),
  pairs: z.object({ cases: z.array(z.object({ pairs: z.number(), cosine: z.unknown() })).min(1) }),
  ijb: z.object({ templates: z.number(), tpr_at_fpr: z.unknown() }),
};

/** The kind of a parsed file, by its content; undefined where it is no golden file. */
export function goldenKind(value: unknown): GoldenKind | undefined {
  return GOLDEN_KINDS.find((kind) => MARKS[kind].safeParse(value).success);
}

/**
 * Reads a golden file; undefined where the JSON in it is something else.
 *
 * @throws {InputError} if the file cannot be read, is no JSON, or is a golden file with something missing.
 */
export function readGoldenFile(path: string): GoldenFile | undefined {
  const refuse = (why: string) => new InputError(`Cannot read golden file ${path}: ${why}`);
  let value: unknown;
  try {
    const { size } = Deno.statSync(path);
    if (size > MAX_BYTES) throw refuse(`expected at most ${MAX_BYTES} bytes, found ${size}`);
    value = JSON.parse(Deno.readTextFileSync(path));
  } catch (error) {
    if (error instanceof InputError) throw error;
    const reason = (error as Error).message.split("\n")[0];
    throw refuse(error instanceof SyntaxError ? `expected JSON, found: ${reason}` : reason);
  }
  const kind = goldenKind(value);
  if (kind === undefined) return undefined;
  if (kind === "pairs" || kind === "ijb") return { path, kind, value };
  const parsed = (kind === "head" ? headGolden : backboneGolden).safeParse(value);
  if (!parsed.success) {
    const { path: place, message } = parsed.error.issues[0];
    throw refuse(`it is a golden file of kind ${kind}, but at ${place.join(".")}: ${message}`);
  }
  return { path, kind, value: parsed.data } as GoldenFile;
}
