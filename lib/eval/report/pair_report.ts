import type { PairAnalysis } from "../analyse_pairs.ts";
import { type AnalysisRow, analysisRows } from "../analysis_tables.ts";
import { type DeployThreshold, deployThresholds } from "../deploy_threshold.ts";
import type { BootstrapOptions } from "../pair_bootstrap.ts";
import { type RocCurve, rocCurve } from "../roc.ts";
import { rocPoints } from "../roc_plot.ts";
import { hardestErrors, type SetErrors } from "./hardest_errors.ts";
import { type SimilarityHistogram, similarityHistogram } from "./similarity_histogram.ts";

/** Which model was verified. */
export interface ReportedModel {
  /** The file. */
  readonly path: string;
  /** Its size. */
  readonly bytes: number;
  /** Its SHA-256, in hexadecimal. */
  readonly sha256: string;
  /** When it was last written, ISO 8601; undefined where the system does not tell. */
  readonly written?: string;
  /** The network: `iresnet18`. */
  readonly network: string;
  /** Numbers that it learns. */
  readonly parameters: number;
  /** Multiplier of its channels. */
  readonly width: number;
  /** Height and width of its images. */
  readonly imageSize: number;
  /** Length of its embeddings. */
  readonly embeddingSize: number;
}

/** A set in a report. */
export interface ReportedSet {
  /** Its name. */
  readonly name: string;
  /** The file. */
  readonly path: string;
  /** Pairs. */
  readonly pairs: number;
  /** Pairs of one person. */
  readonly same: number;
  /** Least and largest of the folds' thresholds on the distance. */
  readonly thresholds: readonly [number, number];
  /** The ROC's points: false and true positive rate. */
  readonly roc: readonly (readonly [fpr: number, tpr: number])[];
  /** The largest true positive rate of a threshold that accepts no more than a share of the pairs of two people. */
  readonly tprAtFpr: readonly { readonly fpr: number; readonly tpr: number }[];
  /** How similarities are spread. */
  readonly histogram: SimilarityHistogram;
  /** What is told wrong. */
  readonly errors: SetErrors;
}

/** A report on a model. */
export interface PairReport {
  /** When it was made, ISO 8601. */
  readonly made: string;
  /** By which program. */
  readonly program: string;
  /** The model. */
  readonly model: ReportedModel;
  /** How it was verified, by name. */
  readonly options: Readonly<Record<string, unknown>>;
  /** How it was trained, by name. @default not known */
  readonly training?: Readonly<Record<string, unknown>>;
  /** Why sets are left out, a line each. */
  readonly leftOut: readonly string[];
  /** Figures of each set, then their mean where there are more than one; with intervals, and a threshold to deploy. */
  readonly rows: readonly (AnalysisRow & { readonly deploy: DeployThreshold })[];
  /** The sets, in the same order. */
  readonly sets: readonly ReportedSet[];
}

/** What a report says besides what it finds in the analyses. */
export interface PairReportFacts extends Pick<PairReport, "program" | "model" | "options" | "training"> {
  /** When it was made. @default now */
  readonly made?: Date;
  /** Why sets are left out. @default none is */
  readonly leftOut?: readonly string[];
}

/** What a report is made of. */
export interface PairReportOptions extends BootstrapOptions {
  /** The false positive rate that thresholds to deploy are for. @default 1e-3 */
  readonly thresholdAtFpr?: number;
  /** Errors of each kind that are shown per set. @default 8 */
  readonly errors?: number;
}

/** Rates that the table of true positive rates is for, where a set has pairs enough. */
const RATES = [1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/**
 * A report on the analyses of some sets: numbers only, ready for JSON.
 *
 * @throws {InputError} if `thresholdAtFpr` is not between 0 and 1.
 *
 * @example
 * ```ts ignore
 * import { analysePairs, loadModel, modelFacts, pairReport, startWebGPU, Validation, writePairReport } from "../../../mod.ts";
 *
 * const gpu = await startWebGPU();
 * using model = await loadModel("face.safetensors", { gpu });
 * using validation = new Validation(gpu, ["lfw.bin"], { flip: true });
 * const analyses = await validation.each(model.backbone, (set, embeddings) => analysePairs(set, embeddings));
 * const report = pairReport(analyses, { program: "mine", model: modelFacts(model), options: { flip: true } });
 * console.log((await writePairReport("report", report, validation.sets)).page);
 * ```
 */
export function pairReport(
  analyses: readonly PairAnalysis[],
  { made = new Date(), leftOut = [], ...facts }: PairReportFacts,
  options: PairReportOptions = {},
): PairReport {
  const { thresholdAtFpr = 1e-3, errors = 8 } = options;
  const deploys = deployThresholds(analyses, thresholdAtFpr, options);
  const curves = analyses.map(({ protocol }) => rocCurve(protocol.distances.map((value) => -value), protocol.same));
  const least = leastRate(Math.max(...curves.map(({ negatives }) => negatives)));
  return {
    made: made.toISOString(),
    ...facts,
    leftOut,
    rows: analysisRows(analyses).map((row, i) => ({ ...row, deploy: deploys[i] })),
    sets: analyses.map((analysis, i) => {
      const { name, path, result, similarities, protocol } = analysis;
      const thresholds = result.folds.map(({ threshold }) => threshold);
      return {
        name,
        path,
        pairs: result.pairs,
        same: result.same,
        thresholds: [Math.min(...thresholds), Math.max(...thresholds)],
        roc: rocPoints(curves[i], least),
        tprAtFpr: tprWithinFpr(curves[i]),
        histogram: similarityHistogram(similarities, protocol.same),
        errors: hardestErrors(analysis, errors),
      };
    }),
  };
}

/** The power of ten at or below 1 / negatives: beyond it a curve is level. */
function leastRate(negatives: number): number {
  return 10 ** -Math.min(6, Math.max(1, Math.ceil(Math.log10(negatives) - 1e-9)));
}

/** At the rates that a set has pairs enough for: at least one of two people may pass. */
function tprWithinFpr(curve: RocCurve): { fpr: number; tpr: number }[] {
  const { truePositives, falsePositives, positives, negatives } = curve;
  return RATES.filter((rate) => rate * negatives >= 1 - 1e-9).map((fpr) => {
    const last = falsePositives.findLastIndex((count) => count <= fpr * negatives + 1e-9);
    return { fpr, tpr: truePositives[last] / positives };
  });
}
