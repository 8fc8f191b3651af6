import { InputError } from "../errors.ts";
import { Random } from "./random.ts";

/** How samples are chosen: `stf` (stratified) the same share of every class's; `class` all of some classes. */
export type SampleKind = "stf" | "class";

/** What is chosen. */
export interface ChooseSamplesOptions {
  /** How. */
  readonly kind: SampleKind;
  /** Share of each class's samples (at least one of each), or of the classes that have any: above 0, at most 1. */
  readonly share: number;
  /** The same seed chooses the same, for ever. @default 21 */
  readonly seed?: number;
}

/** Names the draws among the streams of a seed. */
const STREAM = 0x5a3b1f;

/**
 * Chooses from samples by their labels; the result rises.
 *
 * @throws {InputError} if the share is out of range.
 *
 * @example
 * ```ts
 * import { chooseSamples } from "./choose_samples.ts";
 *
 * const half = chooseSamples([0, 0, 0, 0, 1, 1], { kind: "stf", share: 0.5 });
 * console.assert(half.length === 3 && half.filter((sample) => sample < 4).length === 2);
 * ```
 */
export function chooseSamples(
  labels: ArrayLike<number>,
  { kind, share, seed = 21 }: ChooseSamplesOptions,
): Uint32Array {
  if (!(share > 0 && share <= 1)) {
    throw new InputError(
      `Cannot choose samples: expected a share above 0 and at most 1, found ${share}; 0.1 is a tenth`,
    );
  }
  const ofClass = new Map<number, number[]>();
  for (let i = 0; i < labels.length; i++) {
    const samples = ofClass.get(labels[i]);
    if (samples === undefined) ofClass.set(labels[i], [i]);
    else samples.push(i);
  }
  const classes = [...ofClass].sort((a, b) => a[0] - b[0]);
  const wanted = (count: number) => Math.max(1, Math.round(share * count));
  const chosen = kind === "class"
    ? draw(classes, wanted(classes.length), new Random(seed, STREAM)).map(([, samples]) => samples)
    : classes.map(([label, samples]) => draw(samples, wanted(samples.length), new Random(seed, STREAM, label)));
  return Uint32Array.from(chosen.flat()).sort();
}

/** `count` of them, each set of so many as likely; `from` is shuffled in place. */
function draw<T>(from: T[], count: number, random: Random): T[] {
  for (let i = 0; i < count; i++) {
    const other = i + random.below(from.length - i);
    [from[i], from[other]] = [from[other], from[i]];
  }
  return from.slice(0, count);
}
