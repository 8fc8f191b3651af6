import * as tf from "../deps/tfjs.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Together } from "../gpu/together.ts";
import { Parameters } from "../nn/parameters.ts";
import { addClassTable, type ClassShare, sampleOf, splitOf } from "./class_share.ts";
import type { Head } from "./head.ts";
import { goesOverClasses, marginSoftmax } from "./margin_softmax.ts";

/** The dials of a head whose margin is the same for every class. */
export interface FixedMarginOptions {
  readonly classes: number;
  readonly embeddingSize: number;
  /** Multiplies the cosines. @default 64 */
  readonly scale?: number;
  /** Radians for ArcFace, cosine for CosFace. @default 0.5 for ArcFace, 0.35 for CosFace */
  readonly margin?: number;
  /** @default 21 */
  readonly seed?: number;
  /** Classes whose weights are one tensor; a multiple of 64. Tests set it low. @default what a gigabyte and a buffer of the adapter hold */
  readonly partRows?: number;
  /** Ranks that take a step together. @default this one alone */
  readonly together?: Together;
  /** Keeps a part of the classes; the others are other ranks'. @default all */
  readonly split?: ClassShare;
  /** Share of the classes that take part in a step, with those of the batch's labels (Partial FC). @default 1 */
  readonly sampleRate?: number;
  /** Most labels of a step, of all ranks. */
  readonly batchSize?: number;
}

/** Margin on the angle. @source Deng et al., "ArcFace", 2019 */
export function arcFaceHead(gpu: Gpu, options: FixedMarginOptions): Head {
  return fixedMarginHead(gpu, "arcface", "angular", { margin: 0.5, ...options });
}

/** Margin on the cosine. @source Wang et al., "CosFace", 2018 */
export function cosFaceHead(gpu: Gpu, options: FixedMarginOptions): Head {
  return fixedMarginHead(gpu, "cosface", "additive", { margin: 0.35, ...options });
}

function fixedMarginHead(
  gpu: Gpu,
  name: string,
  kind: "angular" | "additive",
  options: FixedMarginOptions,
): Head {
  const { classes, embeddingSize, scale = 64, margin = 0, seed = 21, together } = options;
  const parameters = new Parameters(gpu, seed);
  const weight = addClassTable(parameters, "weight", options);
  const split = splitOf(options);
  const sample = sampleOf(gpu, options);
  return {
    name,
    classes,
    parameters,
    updatesInPlace: goesOverClasses(embeddingSize),
    share: options.split,
    drawClasses: sample && ((labels, step) => sample.draw(labels, step)),
    step: (embeddings, labels, update) =>
      marginSoftmax(gpu, embeddings, weight, labels, {
        scale,
        kind,
        decide: ({ targetCosines }) => {
          const fixed = tf.scalar(margin);
          return {
            ofSamples: tf.fill(targetCosines.shape, margin) as tf.Tensor1D,
            report: { t: tf.scalar(0), mean: fixed, max: fixed, min: fixed },
          };
        },
      }, { update, together, split, sample }),
    dispose: () => {
      sample?.dispose();
      parameters.dispose();
    },
  };
}
