/** What a rank comes to a meeting for. All ranks must come for the same. */
export interface Call {
  /** Name of the operation. */
  readonly name: string;
  /** How many elements. */
  readonly length: number;
  /** Ranks may come with different lengths. @default false */
  readonly mayDiffer?: boolean;
}

/** Operations by number; their names are for messages. */
const NAMES = [
  "barrier",
  "allocate",
  "average",
  "sum",
  "max",
  "reduced",
  "gather",
  "allGather",
  "allGatherBytes",
  "close",
];

/** An operation's number, as it is told to other ranks. */
export function numberOf({ name }: Call): number {
  const number = NAMES.indexOf(name);
  if (number < 0) throw new Error(`unknown operation ${name}`);
  return number;
}

/** A call in words: "average() of 24". */
export function phraseCall({ name, length }: Call): string {
  return length === 0 ? `${name}()` : `${name}() of ${length}`;
}

/**
 * The first rank that came for something else than this one, and the difference in words; undefined if all came for the same.
 *
 * @param calls [size] of an operation's number and its length.
 */
export function compareCalls(
  calls: readonly ArrayLike<number>[],
  rank: number,
  call: Call,
): { readonly rank: number; readonly reason: string } | undefined {
  for (const [other, { 0: number, 1: length }] of calls.entries()) {
    if (NAMES[number] === call.name && (call.mayDiffer || length === call.length)) continue;
    const theirs = phraseCall({ name: NAMES[number] ?? "an unknown operation", length });
    return { rank: other, reason: `it came to ${theirs} while rank ${rank} came to ${phraseCall(call)}` };
  }
  return undefined;
}
