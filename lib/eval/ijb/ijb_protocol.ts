import { readSubjectList, type SubjectList } from "./ijb_identify.ts";
import { ijbMeta, type IjbSet } from "./ijb_set.ts";
import { readTemplatePairs, type TemplatePairs } from "./ijb_verify.ts";

/** What a benchmark asks about its templates. */
export interface IjbProtocol {
  /** 1:1. */
  readonly pairs: TemplatePairs;
  /** 1:N: those whose lists are there; none without probes. */
  readonly galleries: readonly SubjectList[];
  /** Who is looked for in the galleries, if the list is there. */
  readonly probes?: SubjectList;
  /** Lists of 1:N that are not there. */
  readonly missing: readonly string[];
}

/**
 * Reads the pairs of a benchmark, its galleries and its probes. All of their templates have images in the set: read before the images
 * are embedded, a wrong list is found at once.
 *
 * @throws {InputError} naming file and place of what is damaged or does not fit.
 */
export function readIjbProtocol(set: Pick<IjbSet, "target" | "root" | "templates">): IjbProtocol {
  const known = new Set(set.templates);
  const pairs = readTemplatePairs(ijbMeta(set, "template_pair_label.txt"), known);
  const letter = set.target === "IJBB" ? "S" : "G";
  const lists = ["1N_probe_mixed.csv", `1N_gallery_${letter}1.csv`, `1N_gallery_${letter}2.csv`]
    .map((name) => ijbMeta(set, name));
  const [probesPath, ...paths] = lists;
  const missing = lists.filter((path) => !exists(path));
  if (missing.includes(probesPath)) return { pairs, galleries: [], missing };
  const galleries = paths.filter((path) => !missing.includes(path)).map((path) => readSubjectList(path, known));
  return { pairs, galleries, probes: readSubjectList(probesPath, known), missing };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
