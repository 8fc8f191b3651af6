import { analysePairs, type AnalysisOptions, type PairAnalysis } from "../../../lib/eval/analyse_pairs.ts";
import { unit } from "../../../tools/golden/fill.ts";

/** Pairs of random embeddings of eight numbers, those of one person nearer to each other; some are told wrong. */
export function randomAnalysis(name: string, pairs: number, options: AnalysisOptions = {}): PairAnalysis {
  const same = Array.from({ length: pairs }, (_, k) => unit(name.length, k) < 0.5);
  const embeddings = Float32Array.from({ length: 16 * pairs }, (_, i) => {
    const [row, d] = [Math.floor(i / 8), i % 8];
    const person = same[row >> 1] ? row - row % 2 : row;
    return unit(name.length + 1, 8 * person + d) + 0.9 * unit(name.length + 2, i) - 0.95;
  });
  return analysePairs({ name, path: `${name}.bin`, same }, embeddings, { resamples: 100, ...options });
}
