import { Random } from "../../lib/data/random.ts";
import type { Group } from "../../lib/dist/group.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { classShare } from "../../lib/head/class_share.ts";
import { createHead } from "../../lib/head/create_head.ts";
import { createBackbone } from "../../lib/nn/backbone.ts";
import { sharedBatchParts } from "../../lib/train/batch_parts.ts";
import { checkpointTensors } from "../../lib/train/checkpoint.ts";
import { RankAverage } from "../../lib/train/rank_average.ts";
import { StepTogether } from "../../lib/train/step_together.ts";
import { TrainingStep } from "../../lib/train/training_step.ts";

/** What ranks are to compute together. */
export interface TogetherTask {
  readonly head: string;
  /** Images of each rank, for each step. */
  readonly shares: readonly (readonly number[])[];
  /** Batch statistics over all ranks. */
  readonly syncBatchNorm?: boolean;
  readonly splitHead?: boolean;
  readonly accumulate?: number;
  /** Share of the classes that take part. */
  readonly sampleRate?: number;
}

/** What a rank ends with. */
export interface TogetherResult {
  /** Every parameter, buffer and velocity. */
  readonly state: [string, { shape: readonly number[]; data: Float32Array }][];
  /** Of each step, of this rank's images. */
  readonly losses: number[];
  readonly right: number[];
  /** Margins' means, and t, of each step. */
  readonly margins: [number, number][];
}

const SIZE = 16, CLASSES = 71, DIM = 8;
/** Small: at a larger one 20 steps on so few images make large differences of the smallest ones. */
const RATE = 1e-4;

/** Images and labels of a whole batch. */
function batchOf(seed: number, size: number) {
  const random = new Random(seed, 77);
  const images = Uint8Array.from({ length: size * SIZE * SIZE * 3 }, () => random.below(256));
  const labels = Int32Array.from({ length: size }, (_, i) => (3 + 17 * i) % CLASSES);
  return { images, labels };
}

/** Steps on a tiny network, each on this rank's share of a batch, with an average after each. */
export async function takeSteps(gpu: Gpu, group: Group, task: TogetherTask): Promise<TogetherResult> {
  const together = group.size > 1 ? new StepTogether(gpu, group) : undefined;
  const backbone = createBackbone(
    gpu,
    "iresnet18",
    { width: 0.0625, imageSize: SIZE, embeddingSize: DIM, seed: 3 },
    { together: task.syncBatchNorm ? together : undefined },
  );
  const head = createHead(gpu, task.head, {
    classes: CLASSES,
    embeddingSize: DIM,
    scale: 16,
    centerMomentum: 0.9,
    partRows: 64,
    seed: 4,
    together,
    sampleRate: task.sampleRate,
    batchSize: Math.max(...task.shares.map((share) => share.reduce((a, b) => a + b))),
    split: task.splitHead && together ? classShare(CLASSES, group.rank, group.size) : undefined,
  });
  const step = new TrainingStep(gpu, backbone, head, { momentum: 0.9, weightDecay: 5e-4, together });
  const average = together ? await RankAverage.of(gpu, group, step.averaged().state) : undefined;
  const [losses, right, margins]: [number[], number[], [number, number][]] = [[], [], []];
  for (const [i, shares] of task.shares.entries()) {
    const { images, labels } = batchOf(i, shares.reduce((a, b) => a + b));
    const first = shares.slice(0, group.rank).reduce((a, b) => a + b, 0);
    // A rank without images computes the first of all.
    const [from, to] = shares[group.rank] === 0 ? [0, 1] : [first, first + shares[group.rank]];
    const batch = {
      size: to - from,
      images: images.subarray(from * SIZE * SIZE * 3, to * SIZE * SIZE * 3),
      labels: labels.subarray(from, to),
      flips: Uint8Array.from({ length: to - from }, () => 0),
      samples: new Uint32Array(to - from),
      position: 0,
    };
    const own = { rank: group.rank, shares };
    head.drawClasses?.(labels, i);
    await step.run(sharedBatchParts(gpu, batch, SIZE, task.accumulate ?? 1, own), RATE);
    await average?.average(shares);
    const [{ loss, right: answers, marginMean, t }] = await step.drain();
    losses.push(loss);
    right.push(answers);
    margins.push([marginMean, t]);
  }
  const state = await checkpointTensors({ backbone, head, sgd: step.sgd }, group);
  average?.dispose();
  [step, head, backbone].forEach((one) => one.dispose());
  return { state: [...state], losses, right, margins };
}
