import { TextLines } from "../../data/text_lines.ts";
import { InputError } from "../../errors.ts";
import type { TemplateFeatures } from "../templates.ts";

/** Ranks that are reported. */
export const IJB_RANKS = [1, 5, 10] as const;
/** False positive identification rates that are reported. */
export const IJB_FPIRS = [1e-2, 1e-1] as const;

/** Templates and whose they are. */
export interface SubjectList {
  /** The list they came from. */
  readonly path: string;
  /** Distinct templates. */
  readonly templates: readonly number[];
  /** The subject of each. */
  readonly subjects: readonly string[];
}

/** What 1:N identification in one gallery reports. */
export interface IjbIdentification {
  /** The gallery's list. */
  readonly gallery: string;
  /** Its templates. */
  readonly size: number;
  /** Probes of people in the gallery. */
  readonly mated: number;
  /** Probes of others. */
  readonly nonMated: number;
  /** Share of mated probes whose own template is among the most alike: at IJB_RANKS. */
  readonly ranks: readonly number[];
  /**
   * Share of mated probes that find their own template first and above the threshold at which so many of the others find anybody: at
   * IJB_FPIRS; undefined without other probes.
   */
  readonly tpirs: readonly (number | undefined)[];
}

/**
 * Reads a list of templates and subjects: the columns TEMPLATE_ID and SUBJECT_ID of a CSV file with a line per image. With `known` every
 * template is one of these.
 *
 * @throws {InputError} naming file and line.
 */
export function readSubjectList(path: string, known?: ReadonlySet<number>): SubjectList {
  const lines = TextLines.read(path);
  const fail = (line: number, expected: string, found: string) =>
    new InputError(`Cannot read the list ${path}: expected ${expected} on line ${line}, found ${found}; mend the line`);
  const head = lines.size === 0 ? [] : lines.line(0).split(",").map((word) => word.trim().toUpperCase());
  const [template, subject] = ["TEMPLATE_ID", "SUBJECT_ID"].map((name) => head.indexOf(name));
  if (template < 0 || subject < 0) {
    throw fail(1, "the columns TEMPLATE_ID and SUBJECT_ID", JSON.stringify(head.join(",").slice(0, 60)));
  }
  const subjects = new Map<number, string>();
  for (let i = 1; i < lines.size; i++) {
    const line = lines.line(i);
    if (line.trim() === "") continue;
    const words = line.split(",");
    const id = /^\s*\d{1,9}\s*$/.test(words[template] ?? "") ? Number(words[template]) : -1;
    const who = words[subject]?.trim();
    if (id < 0 || !who) throw fail(i + 1, "a template and a subject", JSON.stringify(line.slice(0, 60)));
    const before = subjects.get(id);
    if (before !== undefined && before !== who) throw fail(i + 1, `template ${id} of subject ${before}`, who);
    if (known?.has(id) === false) throw fail(i + 1, "a template that has images", `${id}, which has none in the set`);
    subjects.set(id, who);
  }
  if (subjects.size === 0) throw fail(2, "a template and a subject", "none");
  return { path, templates: [...subjects.keys()], subjects: [...subjects.values()] };
}

/**
 * Finds each probe in a gallery.
 *
 * A probe counts as found at rank k if fewer than k templates of the gallery are more alike to it than the nearest of its own subject.
 * The threshold at a false positive identification rate is the score that this share of the non-mated probes' best matches exceeds.
 *
 * @throws {InputError} naming the list, if one of its templates has no images.
 * @source Grother and Ngan, "Face Recognition Vendor Test: Performance of Face Identification Algorithms", NIST, 2014, open-set measures
 */
export function identify(
  { ids, features, dim }: TemplateFeatures,
  gallery: SubjectList,
  probes: SubjectList,
): IjbIdentification {
  const rows = new Map<number, number>();
  ids.forEach((id, row) => rows.set(id, row * dim));
  const starts = ({ path, templates }: SubjectList) =>
    templates.map((template) => {
      const at = rows.get(template);
      if (at !== undefined) return at;
      throw new InputError(
        `Cannot identify by ${path}: expected templates that have images, found ${template}; take lists of one benchmark`,
      );
    });
  const [known, asked] = [gallery, probes].map(starts);
  const enrolled = new Set(gallery.subjects);
  const own: { rank: number; score: number }[] = [];
  const others: number[] = [];
  const scores = new Float64Array(known.length);
  for (const [p, probe] of asked.entries()) {
    const subject = probes.subjects[p];
    let best = -Infinity, nearest = -Infinity;
    for (let g = 0; g < known.length; g++) {
      const at = known[g];
      let a = 0, b = 0;
      for (let d = 0; d < dim; d += 2) {
        a += features[probe + d] * features[at + d];
        if (d + 1 < dim) b += features[probe + d + 1] * features[at + d + 1];
      }
      scores[g] = a + b;
      if (scores[g] > best) best = scores[g];
      if (gallery.subjects[g] === subject && scores[g] > nearest) nearest = scores[g];
    }
    if (!enrolled.has(subject)) {
      others.push(best);
      continue;
    }
    let rank = 1;
    for (let g = 0; g < known.length; g++) if (scores[g] > nearest && gallery.subjects[g] !== subject) rank++;
    own.push({ rank, score: nearest });
  }
  if (own.length === 0) {
    throw new InputError(
      `Cannot identify by ${gallery.path}: expected probes of its subjects in ${probes.path}, found none; take lists of one benchmark`,
    );
  }
  const sorted = Float64Array.from(others).sort().reverse();
  const share = (test: (one: { rank: number; score: number }) => boolean) => own.filter(test).length / own.length;
  return {
    gallery: gallery.path,
    size: known.length,
    mated: own.length,
    nonMated: others.length,
    ranks: IJB_RANKS.map((most) => share(({ rank }) => rank <= most)),
    tpirs: IJB_FPIRS.map((rate) => {
      const threshold = sorted[Math.floor(rate * sorted.length + 1e-9)];
      return threshold === undefined ? undefined : share(({ rank, score }) => rank === 1 && score > threshold);
    }),
  };
}
