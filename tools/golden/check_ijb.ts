import { areaUnderCurve, rocCurve, tprAtFpr } from "../../lib/eval/roc.ts";
import { scorePairs, TemplatePool } from "../../lib/eval/templates.ts";
import { fill, unit } from "./fill.ts";
import { type ParityRow, parityRow } from "./parity_row.ts";

/** `ijb_protocol.json`: how its images are made is in the words of `recipe`. */
interface IjbGolden {
  images: number;
  dim: number;
  templates: number;
  subjects: number;
  pairs: number;
  SEED: number;
  recipe: Record<string, string>;
  template_feature_first: number[];
  score_first: number[];
  score_sum: number;
  positives: number;
  auc: number;
  tpr_at_fpr: Record<string, number>;
}

/** Both sides compute in float64: only the order of sums differs. */
const BOUND = 1e-9;

/** Compares the IJB 1:1 protocol with a golden file (`ijb_protocol.json`, from any seed and of any size), a row per quantity. */
export function checkIjb(golden: unknown): ParityRow[] {
  const expected = golden as IjbGolden;
  const { subject, template, media, features, first, second } = build(expected);
  const pool = new TemplatePool({ templates: template, media }, expected.dim);
  template.forEach((_, i) => pool.add(i, features.subarray(i * expected.dim, (i + 1) * expected.dim)));
  const pooled = pool.finish();
  const scores = scorePairs(pooled, first, second);
  const same = Array.from(first, (a, k) => subject[a - 1] === subject[second[k] - 1]);
  const curve = rocCurve(scores, same);
  const largest = (wanted: number[], found: Float64Array) =>
    Math.max(...wanted.map((value, i) => Math.abs(value - found[i])));
  return [
    parityRow("ijb template features", largest(expected.template_feature_first, pooled.features), BOUND),
    parityRow("ijb scores", largest(expected.score_first, scores), BOUND),
    parityRow(
      "ijb sum of scores",
      Math.abs(scores.reduce((a, b) => a + b, 0) - expected.score_sum) / Math.max(1, Math.abs(expected.score_sum)),
      BOUND,
    ),
    parityRow("ijb positives", Math.abs(curve.positives - expected.positives), 0),
    parityRow("ijb AUC", Math.abs(areaUnderCurve(curve) - expected.auc), BOUND),
    ...Object.entries(expected.tpr_at_fpr).map(([fpr, tpr]) => {
      // The published evaluation takes the curve's corners only; the protocol's words mean every point. Where the two differ, by a
      // few pairs at most, either is right.
      const errors = [false, true].map((corners) => Math.abs(tprAtFpr(curve, Number(fpr), { corners }).tpr - tpr));
      return parityRow(`ijb TPR at FPR ${fpr}`, Math.min(...errors), BOUND);
    }),
  ];
}

/** The images, templates and pairs of a golden file. Template numbers start at 1. */
function build(golden: IjbGolden): {
  subject: number[];
  template: number[];
  media: number[];
  features: Float64Array;
  first: number[];
  second: number[];
} {
  const { images, dim, templates, subjects, pairs, recipe } = golden;
  const seed = (field: string, nth = 0) =>
    golden.SEED * 1000 + Number([...recipe[field].matchAll(/\+(8\d\d)/g)][nth][1]);
  const draw = (field: string, count: number, upTo: number, nth = 0) =>
    Array.from({ length: count }, (_, i) => Math.floor(unit(seed(field, nth), i) * upTo));
  const number = (field: string, pattern: RegExp) => Number(recipe[field].match(pattern)![1]);

  const subject = draw("subject_of_template", templates, subjects);
  const template = draw("template_of_image", images, templates).map((t, i) => i < templates ? i + 1 : t + 1);
  const media = draw("media", images, number("media", /\*(\d+)\)/));
  const centers = fill(seed("centers"), subjects * dim);
  const noise = fill(seed("features"), images * dim);
  const amount = number("features", /([\d.]+)\*fill/);
  const [, base, spread] = recipe.score.match(/([\d.]+)\+([\d.]+)\*unit/)!.map(Number);
  const features = new Float64Array(images * dim);
  for (let i = 0; i < images; i++) {
    const score = base + spread * unit(seed("score"), i);
    const center = subject[template[i] - 1] * dim;
    for (let d = 0; d < dim; d++) features[i * dim + d] = (centers[center + d] + amount * noise[i * dim + d]) * score;
  }
  const side = (nth: number) => draw("pairs", pairs, templates, nth).map((t) => t + 1);
  return { subject, template, media, features, first: side(0), second: side(1) };
}
