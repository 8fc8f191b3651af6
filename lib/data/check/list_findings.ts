import { EXACT_COPY, type ImageNotes, type NotedSet } from "./image_notes.ts";

/** What can be found of an image, and in words for a reader. */
export const FINDING_KINDS = {
  "corrupt": "cannot be decoded",
  "one-colour": "of one colour",
  "size": "of another size than the set's",
  "label": "of no class of the set",
  "single": "alone in their class",
  "copy": "copies of another image of their class",
  "other-class": "copies of an image of another class",
  "other-set": "copies of an image of another set to train on",
  "shared": "verification images that are trained on",
  "wrong-pair": "pairs of two people that are one image",
  "twins": "pairs of one person that are one image",
} as const;

/** What was found of an image. */
export type FindingKind = keyof typeof FINDING_KINDS;

/** An image in words a user can look up. */
export interface NamedImage {
  /** Path of its set. */
  readonly set: string;
  /** "key 17", a file's path, "image 3 (pair 1)". */
  readonly image: string;
  /** Its class, where it has one. */
  readonly label?: number;
}

/** Something that was found of an image. */
export interface Finding extends NamedImage {
  /** What. */
  readonly kind: FindingKind;
  /** The image that it is a copy of. */
  readonly other?: NamedImage;
  /** Why it cannot be decoded, its size, how near the copy is. */
  readonly detail: string;
}

/** Everything that was found, set by set, in order of the images. `reasons` are those of rows that cannot be decoded. */
export function* listFindings(notes: ImageNotes, reasons: ReadonlyMap<number, string>): Generator<Finding> {
  for (const noted of notes.sets) yield* findingsOf(notes, noted, reasons);
}

function* findingsOf(
  notes: ImageNotes,
  noted: NotedSet,
  reasons: ReadonlyMap<number, string>,
): Generator<Finding> {
  const { set: { training, pairs, size }, start } = noted;
  const expected = expectedSize(notes, noted);
  const classes = training?.classes ?? 0;
  const isClass = (label: number) => Number.isInteger(label) && label >= 0 && label < classes;
  const images = new Uint32Array(classes);
  for (let row = start; row < start + size; row++) {
    if (notes.isDecoded(row) && isClass(notes.labels[row])) images[notes.labels[row]]++;
  }
  const find = (kind: FindingKind, row: number, detail: string, other?: number): Finding => ({
    kind,
    ...nameOf(notes, row),
    ...other !== undefined && { other: nameOf(notes, other) },
    detail,
  });
  for (let row = start; row < start + size; row++) {
    const label = notes.labels[row];
    if (training && !Number.isNaN(label) && !isClass(label)) {
      yield find("label", row, `expected a class from 0 to ${classes - 1}`);
    }
    const found = notes.sizeOf(row);
    if (found === undefined) {
      yield find("corrupt", row, reasons.get(row) ?? "cannot be decoded");
      continue;
    }
    if (notes.isOneColour(row)) yield find("one-colour", row, found);
    if (expected !== undefined && found !== expected) yield find("size", row, `${found} in place of ${expected}`);
    if (images[label] === 1) yield find("single", row, "");
    const original = notes.originalOf(row);
    if (original !== undefined) {
      yield find(kindOfCopy(notes, row, original.row), row, wordsOf(original.copy), original.row);
    }
    const twin = notes.twins.get(row);
    if (pairs && twin !== undefined) {
      yield find(pairs.same[(row - start) >> 1] ? "twins" : "wrong-pair", row, wordsOf(twin), row + 1);
    }
  }
}

function kindOfCopy(notes: ImageNotes, row: number, original: number): FindingKind {
  if (row >= notes.trainingEnd) return "shared";
  if (notes.setOf(row) !== notes.setOf(original)) return "other-set";
  return notes.isOtherClass(row, original) ? "other-class" : "copy";
}

function wordsOf(copy: number): string {
  return copy === EXACT_COPY ? "the same bytes" : `looks the same: prints differ in ${copy} bits`;
}

function nameOf(notes: ImageNotes, row: number): NamedImage {
  const { set, start } = notes.setOf(row);
  const label = notes.labels[row];
  return { set: set.path, image: set.nameOf(row - start), ...!Number.isNaN(label) && { label } };
}

/** The size of `property`, or that of more than half of the images; undefined where they are of many. */
function expectedSize(notes: ImageNotes, { set, start }: NotedSet): string | undefined {
  const property = set.training?.imageSize;
  if (property !== undefined) return property.join("x");
  const counts = new Map<string, number>();
  let images = 0;
  for (let row = start; row < start + set.size; row++) {
    const size = notes.sizeOf(row);
    if (size === undefined) continue;
    counts.set(size, (counts.get(size) ?? 0) + 1);
    images++;
  }
  return [...counts].find(([, count]) => 2 * count > images)?.[0];
}
