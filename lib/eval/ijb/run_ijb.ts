import { createHash } from "node:crypto";
import { writeFileAtomic } from "../../data/atomic_file.ts";
import { ioError } from "../../data/io_error.ts";
import type { Gpu } from "../../gpu/start_webgpu.ts";
import type { Backbone } from "../../nn/backbone.ts";
import { backboneChecksum } from "../backbone_checksum.ts";
import { embedToFile } from "../embed_to_file.ts";
import { writeNpy } from "../npy.ts";
import { plotPng } from "../plot_png.ts";
import { rocPlot, rocPoints } from "../roc_plot.ts";
import { identify, type IjbIdentification } from "./ijb_identify.ts";
import { type IjbProtocol, readIjbProtocol } from "./ijb_protocol.ts";
import { type IjbSet, ijbSources } from "./ijb_set.ts";
import { type IjbVerification, verifyTemplates } from "./ijb_verify.ts";
import { poolFeatures } from "./pool_features.ts";

/** How images are embedded. */
export interface IjbEmbedOptions {
  /** Adds the embedding of the mirrored image. @default true */
  readonly flip?: boolean;
  /** Images computed at once. @default 64 */
  readonly batchSize?: number;
  /** Decoding workers. @default one fewer than cores, at most 4 */
  readonly workers?: number;
  /** Told after each batch how many images are done. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops after the batch under way; the same call goes on from there. */
  readonly signal?: AbortSignal;
}

/** Where a benchmark's embeddings are. */
export interface IjbEmbeddings {
  /** Folder of this model on this benchmark: whatever is found goes there. */
  readonly folder: string;
  /** The .npy file. */
  readonly path: string;
  /** Images that were embedded before. */
  readonly cached: number;
  /** False if it was stopped. */
  readonly finished: boolean;
}

/**
 * Embeds a benchmark's images, aligned, into a folder in `out` that is named by model, images and options; what is there already is
 * taken, what was begun is continued. Images are told by their names and landmarks.
 *
 * @throws {InputError} (as a rejection) at the first image that cannot be decoded or aligned.
 */
export async function embedIjb(
  gpu: Gpu,
  backbone: Backbone,
  set: IjbSet,
  out: string,
  { flip = true, ...options }: IjbEmbedOptions = {},
): Promise<IjbEmbeddings> {
  using sources = ijbSources(set);
  const modelChecksum = await backboneChecksum(backbone);
  const identity = [modelChecksum, backbone.options, sources.identity, flip];
  const key = createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 12);
  const folder = `${out.replace(/(?<=.)\/+$/, "")}/${set.target.toLowerCase()}_${key}`;
  const path = `${folder}/embeddings.npy`;
  try {
    if (Deno.statSync(path).isFile) return { folder, path, cached: sources.count, finished: true };
  } catch { /* not yet */ }
  makeFolder(folder);
  const remedy = `copy it anew, or mend its landmarks in ${set.list.path}`;
  const { resumed, finished } = await embedToFile(gpu, backbone, sources, path, {
    ...options,
    flip,
    align: set.list,
    remedy,
    existingRemedy: "it is of embeddings that are not there: remove it",
    modelChecksum,
  });
  return { folder, path, cached: resumed, finished };
}

/** What a benchmark found. */
export interface IjbResult {
  /** 1:1. */
  readonly verification: IjbVerification;
  /** 1:N in each gallery; empty where the lists are not there. */
  readonly identification: readonly IjbIdentification[];
}

/** How a benchmark is evaluated. */
export interface IjbEvaluateOptions {
  /** Multiplies an image's embedding by the detector's score. @default true */
  readonly detectorScore?: boolean;
  /** Pairs, galleries and probes. @default read from the set's lists */
  readonly protocol?: IjbProtocol;
}

/**
 * Both protocols on embeddings, a float32 .npy file [images, dim].
 *
 * @throws {InputError} naming the file and place of what does not fit.
 */
export function evaluateIjb(
  set: IjbSet,
  embeddings: string,
  { detectorScore, protocol = readIjbProtocol(set) }: IjbEvaluateOptions = {},
): IjbResult {
  const features = poolFeatures(set, embeddings, { detectorScore });
  const { pairs, galleries, probes } = protocol;
  const verification = verifyTemplates(features, pairs);
  const identification = probes === undefined ? [] : galleries.map((gallery) => identify(features, gallery, probes));
  return { verification, identification };
}

/** Files that a result is written to. */
export interface IjbFiles {
  /** `target,fpr,tpr,threshold` per line. */
  readonly table: string;
  /** float64 [pairs], in the order of the list. */
  readonly scores: string;
  /** The ROC on a logarithmic axis, as SVG. */
  readonly plot: string;
  /** The same as PNG. */
  readonly picture: string;
}

/**
 * Writes a result into a folder, over an earlier one.
 *
 * @throws {InputError} (as a rejection) if it cannot be written.
 */
export async function writeIjbResult(
  folder: string,
  { target }: Pick<IjbSet, "target">,
  { verification }: IjbResult,
): Promise<IjbFiles> {
  makeFolder(folder);
  const files = {
    table: `${folder}/tpr_at_fpr.csv`,
    scores: `${folder}/scores.npy`,
    plot: `${folder}/roc.svg`,
    picture: `${folder}/roc.png`,
  };
  const { points, scores, curve } = verification;
  const lines = points.map(({ target, fpr, tpr, threshold }) => `${target},${fpr},${tpr},${threshold}`);
  const encoder = new TextEncoder();
  writeFileAtomic(files.table, encoder.encode(`fpr_target,fpr,tpr,threshold\n${lines.join("\n")}\n`), { force: true });
  writeNpy(files.scores, scores as Float64Array<ArrayBuffer>, { dtype: "float64", force: true });
  const plot = rocPlot([{ name: target, points: rocPoints(curve) }], { title: `${target}, 1:1` });
  writeFileAtomic(files.plot, encoder.encode(plot), { force: true });
  writeFileAtomic(files.picture, await plotPng(plot), { force: true });
  return files;
}

function makeFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw ioError("make the folder", folder, error);
  }
}
