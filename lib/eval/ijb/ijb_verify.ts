import { InputError } from "../../errors.ts";
import { readIntegerRows } from "../integer_rows.ts";
import { areaUnderCurve, type RocCurve, rocCurve, type RocPoint, tprAtFpr } from "../roc.ts";
import { scorePairs, type TemplateFeatures } from "../templates.ts";

/** False positive rates that are reported. */
export const IJB_FPRS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1] as const;

/** Pairs of templates. */
export interface TemplatePairs {
  /** The list they came from. */
  readonly path: string;
  /** First template of each pair. */
  readonly first: Int32Array;
  /** Second template of each pair. */
  readonly second: Int32Array;
  /** 1 where both are of one person. */
  readonly same: Uint8Array;
}

/** What the 1:1 protocol reports. */
export interface IjbVerification {
  /** Score of each pair: the dot product of its templates. */
  readonly scores: Float64Array;
  /** The exact ROC. */
  readonly curve: RocCurve;
  /** At each of IJB_FPRS the nearest point of the curve. */
  readonly points: readonly (RocPoint & { readonly target: number })[];
  /** Area under the curve. */
  readonly auc: number;
}

/**
 * Reads a list of pairs of templates and whether they are of one person: `11065 23 0` per line.
 *
 * @throws {InputError} naming file and line or pair: what is damaged, a template that is none of `known`, pairs of one kind only.
 */
export function readTemplatePairs(path: string, known: ReadonlySet<number>): TemplatePairs {
  const [first, second, labels] = readIntegerRows(path, 3, "two templates and a label");
  const same = new Uint8Array(labels.length);
  let own = 0;
  for (let k = 0; k < labels.length; k++) {
    if (labels[k] > 1) {
      throw new InputError(
        `Cannot read the list ${path}: expected label 0 or 1 of pair ${k + 1}, found ${labels[k]}; mend the line`,
      );
    }
    own += same[k] = labels[k];
  }
  if (own === 0 || own === same.length) {
    throw new InputError(
      `Cannot read the list ${path}: expected pairs of one person and of two, found ${own} and ${
        same.length - own
      }; give the whole list`,
    );
  }
  for (const ids of [first, second]) {
    const stranger = firstStranger(ids, known);
    if (stranger === -1) continue;
    throw new InputError(
      `Cannot read the list ${path}: expected templates that have images in the set, found ${ids[stranger]} in pair ${
        stranger + 1
      }; take lists of one benchmark`,
    );
  }
  return { path, first, second, same };
}

/**
 * The 1:1 protocol on pooled templates.
 *
 * @throws {InputError} if a pair has a template without features.
 */
export function verifyTemplates(features: TemplateFeatures, { first, second, same }: TemplatePairs): IjbVerification {
  const scores = scorePairs(features, first, second);
  const curve = rocCurve(scores, same);
  const points = IJB_FPRS.map((target) => ({ target, ...tprAtFpr(curve, target) }));
  return { scores, curve, points, auc: areaUnderCurve(curve) };
}

/** Place of the first that is not known. Lists have long runs of the same template: each is looked up once. */
function firstStranger(ids: Int32Array, known: ReadonlySet<number>): number {
  const checked = new Set<number>();
  for (let k = 0, last = -1; k < ids.length; k++) {
    if (ids[k] === last) continue;
    last = ids[k];
    if (checked.has(last)) continue;
    if (!known.has(last)) return k;
    checked.add(last);
  }
  return -1;
}
