import * as tf from "../deps/tfjs.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { ClassUpdate, Head } from "../head/head.ts";
import type { Backbone } from "../nn/backbone.ts";
import type { Parameter } from "../nn/parameters.ts";
import { LossScale, type LossScaleOptions } from "./loss_scale.ts";
import { Sgd, type SgdOptions } from "./sgd.ts";
import { StepRecording } from "./step_recording.ts";
import type { StepTogether } from "./step_together.ts";
import { inputTensors, type TrainingPart } from "./training_part.ts";

/** How a step is taken. */
export interface TrainingStepOptions extends SgdOptions {
  /** The gradient is shortened to this length where it is longer; 0 leaves it as it is. @default 0 */
  readonly clipGradNorm?: number;
  /** Of a network of mixed precision: how its gradients are scaled. */
  readonly lossScale?: LossScaleOptions;
  /** Ranks that take steps together, which backbone and head were made with. @default this one alone */
  readonly together?: StepTogether;
}

/** What a forward and backward pass gives; all of it is the caller's to dispose of. */
export interface GradientResult {
  /** Mean loss of the batch. */
  readonly loss: tf.Scalar;
  /** [t, margin mean, maximum, minimum, right answers]. */
  readonly metrics: tf.Tensor1D;
  /** [batch, dim]. */
  readonly embeddings: tf.Tensor2D;
  /** In the order of {@linkcode TrainingStep.parameters}, each in parts as the parameter is; none for class weights that were updated in place. */
  readonly gradients: (tf.Tensor[] | undefined)[];
}

/** The class weights among the parameters. */
const CLASS_WEIGHTS = "head.weight";

/** Loss, t, margin mean, maximum, minimum, right answers. */
const SCALARS = 6;
/** Those of a loss scale: the scale, its finite steps, skipped steps. */
const SCALE_SCALARS = 3;

/** Scalars of one step. */
export interface StepMetrics {
  /** Mean loss of the batch. */
  readonly loss: number;
  /** Convergence parameter after the step; of a head without one, what it reports in its place. */
  readonly t: number;
  /** Mean of the classes' margins. */
  readonly marginMean: number;
  /** Largest of them. */
  readonly marginMax: number;
  /** Smallest of them. */
  readonly marginMin: number;
  /** Samples whose largest cosine was their own class's. */
  readonly right: number;
  /** Samples in the step. */
  readonly samples: number;
  /** Mixed precision: what gradients were multiplied by, after the step. */
  readonly lossScale?: number;
  /** Mixed precision: steps so far whose gradients were not finite, and which the network did not take. */
  readonly skipped?: number;
}

/** One training step of backbone and head: forward, backward, SGD; nothing is read back until {@linkcode drain}. */
export class TrainingStep {
  /** Trained parameters by the name they are saved under; the head's begin with `head.`. */
  readonly parameters: readonly (readonly [string, Parameter])[];
  /** The optimizer, for its state. */
  readonly sgd: Sgd;
  /** Of a network of mixed precision. */
  readonly lossScale: LossScale | undefined;
  readonly #backbone: Backbone;
  readonly #head: Head;
  readonly #gpu: Gpu;
  readonly #clip: number;
  readonly #together: StepTogether | undefined;
  /** They come first. */
  readonly #backboneParameters: number;
  readonly #recording: StepRecording;
  /** Tensors that every step's images and labels are written to, and of which parts' inputs they are. */
  #inputs: { kind: string; tensors: tf.Tensor1D[][] } = { kind: "", tensors: [] };
  #pending: { scalars: tf.Tensor; sizes: number[] }[] = [];

  /** Starts with the optimizer at rest. */
  constructor(gpu: Gpu, backbone: Backbone, head: Head, options: TrainingStepOptions) {
    this.#gpu = gpu;
    this.#backbone = backbone;
    this.#head = head;
    this.#clip = options.clipGradNorm ?? 0;
    this.#together = options.together;
    this.#backboneParameters = backbone.parameters.trainable().length;
    this.parameters = [
      ...backbone.parameters.trainable().map((parameter) => [parameter.name, parameter] as const),
      ...head.parameters.trainable().map((parameter) => [`head.${parameter.name}`, parameter] as const),
    ];
    this.sgd = new Sgd(gpu, this.parameters, options);
    this.#recording = new StepRecording(gpu);
    if (backbone.options.precision === "mixed") this.lossScale = new LossScale(gpu, options.lossScale);
  }

  /**
   * Loss and gradients of a batch; images [batch, S, S, 4], labels [batch] int32. The head's buffers move, and with `update`
   * its class weights.
   */
  gradients(images: tf.Tensor4D, labels: tf.Tensor1D, update?: ClassUpdate): GradientResult {
    let metrics: tf.Tensor1D | undefined;
    let embeddings: tf.Tensor2D | undefined;
    const wanted = this.parameters.map(([name, { parts }]) => update && name === CLASS_WEIGHTS ? undefined : parts);
    const { value, grads } = tf.variableGrads(() => {
      embeddings = this.#backbone.forward(images, true);
      tf.keep(embeddings);
      const step = this.#head.step(this.lossScale?.lift(embeddings) ?? embeddings, labels, update);
      metrics = step.metrics;
      return step.loss;
    }, wanted.flatMap((parts) => [...parts ?? []]));
    const gradients = wanted.map((parts) => parts?.map(({ name }) => grads[name]));
    this.lossScale?.unscale(gradients.slice(0, this.#backboneParameters).flatMap((parts) => parts!));
    return {
      loss: value,
      metrics: metrics!,
      embeddings: embeddings!,
      gradients,
    };
  }

  /**
   * One step of learning rate `rate` along the mean gradient of a batch, given in one part or in several that are computed one
   * after the other. Once two steps in a row, of parts of the same sizes, gave the device the same commands, those are replayed: see
   * {@linkcode StepRecording}. The device has its commands when this returns, unless ranks take the step together: then when it is fulfilled.
   *
   * Ranks that take a step together each move along the mean gradient of their own images; see {@linkcode RankAverage}.
   */
  run(parts: readonly TrainingPart[], rate: number): Promise<void> {
    const together = this.#together?.isActive ? this.#together : undefined;
    const kind = parts.map(({ inputs, shares }) => `${inputs.map(({ length }) => length)} of ${together ? shares : ""}`)
      .join(";");
    this.#write(kind, parts);
    this.sgd.setRate(rate);
    const sizes = parts.map(({ size }) => size);
    const compute = () => this.#compute(parts);
    if (together) {
      return this.#recording.runExchanging(kind, compute).then((scalars) =>
        void this.#pending.push({ scalars, sizes })
      );
    }
    this.#pending.push({ scalars: this.#recording.run(kind, compute), sizes });
    return Promise.resolve();
  }

  /** Takes no step, and has one to drain all the same: where other ranks take one by themselves, and there are no images for this one. */
  skip(): void {
    const scalars = this.#gpu.kernels.zeros([SCALARS + (this.lossScale ? SCALE_SCALARS : 0)]);
    this.#pending.push({ scalars, sizes: [0] });
  }

  /**
   * What ranks average so that they are alike again: parameters, buffers, velocities; and, by themselves, the centers, on which ranks that take
   * steps together agree anyhow. Of a classifier that is divided over them nothing.
   */
  averaged(): { readonly state: tf.Tensor[]; readonly centers: tf.Tensor[] } {
    const isDivided = this.#head.share !== undefined;
    const partsOf = (parameters: readonly Parameter[]) =>
      parameters.flatMap(({ parts }) => parts as readonly tf.Tensor[] as tf.Tensor[]);
    const ofHead = this.#head.parameters.list().filter(({ name }) =>
      !(isDivided && ["weight", "center"].includes(name))
    );
    const isCenter = ({ name }: Parameter) => name === "center";
    const velocities = this.parameters.flatMap(([name], k) =>
      name === CLASS_WEIGHTS && isDivided ? [] : this.sgd.velocities[k]
    );
    return {
      state: [
        ...partsOf(this.#backbone.parameters.list()),
        ...partsOf(ofHead.filter((one) => !isCenter(one))),
        ...velocities,
      ],
      centers: partsOf(ofHead.filter(isCenter)),
    };
  }

  /** Whether steps are replayed now. */
  get replays(): boolean {
    return this.#recording.replays;
  }

  /** Gives back the memory that is kept between steps to replay them: before a validation, say. */
  release(): void {
    this.#recording.release();
  }

  /** Brings the inputs to the device, always into the same tensors. */
  #write(kind: string, parts: readonly TrainingPart[]): void {
    if (kind !== this.#inputs.kind) {
      this.release();
      tf.dispose(this.#inputs.tensors.flat());
      this.#inputs = { kind, tensors: parts.map((part) => inputTensors(part).map((one) => tf.keep(one))) };
      for (const tensor of this.#inputs.tensors.flat()) this.#gpu.kernels.buffer(tensor);
      return;
    }
    parts.forEach(({ inputs }, i) =>
      inputs.forEach((values, k) => this.#gpu.kernels.write(this.#inputs.tensors[i][k], values))
    );
  }

  /** The step itself, on the inputs as written; gives its scalars: {@linkcode SCALARS} of each part, then those of the loss scale. */
  #compute(parts: readonly TrainingPart[]): tf.Tensor {
    // A gradient that is added up or shortened first has to be a tensor.
    const inPlace = this.#head.updatesInPlace && parts.length === 1 && this.#clip === 0;
    const update = inPlace ? this.sgd.classUpdate(CLASS_WEIGHTS) : undefined;
    let sum: GradientResult["gradients"] | undefined;
    const scalars: tf.Tensor1D[] = [];
    for (const [i, part] of parts.entries()) {
      if (this.#together) this.#together.shares = part.shares ?? [part.size];
      const { images, labels } = part.unpack(this.#inputs.tensors[i]);
      const { loss, metrics, embeddings, gradients } = this.gradients(images, labels, update);
      scalars.push(loss.reshape<tf.Tensor1D>([1]), metrics);
      tf.dispose([images, labels, embeddings, loss]);
      sum = parts.length === 1 ? gradients : addUp(sum, gradients, (k) => this.#shareOf(k, part, parts));
    }
    const gradients = sum!;
    const all = gradients.flatMap((parts) => parts ?? []);
    const scale = tf.tidy(() => this.#scale(all));
    const skip = this.lossScale?.settle();
    this.sgd.step(gradients, scale, skip);
    const result = tf.concat([...scalars, ...this.lossScale ? [this.lossScale.state] : []]);
    tf.dispose([all, scale, skip ?? [], scalars]);
    return result;
  }

  /** What a part counts in the gradient of the parameter `k`: by this rank's images, or by all ranks' where this rank sees all of them. */
  #shareOf(k: number, part: TrainingPart, parts: readonly TrainingPart[]): number {
    const seesAll = this.#head.share !== undefined && this.parameters[k][0] === CLASS_WEIGHTS;
    const count = ({ size, shares }: TrainingPart) => seesAll ? shares!.reduce((a, b) => a + b) : size;
    const all = parts.reduce((sum, one) => sum + count(one), 0);
    return all === 0 ? 0 : count(part) / all;
  }

  #scale(gradients: tf.Tensor[]): tf.Scalar {
    if (this.#clip === 0) return tf.scalar(1);
    const norm = tf.stack(gradients.map((gradient) => gradient.square().sum().asScalar())).sum().sqrt();
    // As PyTorch's clip_grad_norm_: at most 1, and never a division by zero.
    return tf.minimum(tf.scalar(this.#clip).div(norm.add(1e-6)), 1).asScalar();
  }

  /** Steps whose scalars have not been read yet. */
  get pending(): number {
    return this.#pending.length;
  }

  /** Reads the scalars of every step since the last call, in order: one wait for the GPU. */
  async drain(): Promise<StepMetrics[]> {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length === 0) return [];
    const scalars = pending.map((step) => step.scalars as tf.Tensor1D);
    const table = tf.concat(scalars);
    const values = await this.#gpu.kernels.read(table);
    tf.dispose([table, scalars]);
    let at = 0;
    return pending.map(({ sizes }) => {
      const rows = sizes.map((size) => ({ size, row: values.subarray(at, at += SCALARS) }));
      const samples = sizes.reduce((a, b) => a + b, 0);
      const [, t, marginMean, marginMax, marginMin] = rows[rows.length - 1].row;
      // Of no samples there is no loss: what was computed does not count.
      const loss = samples === 0 ? 0 : rows.reduce((sum, { size, row }) => sum + row[0] * size / samples, 0);
      const right = rows.reduce((sum, { size, row }) => sum + (size > 0 ? row[5] : 0), 0);
      const metrics = { loss, t, marginMean, marginMax, marginMin, right, samples };
      if (!this.lossScale) return metrics;
      const [lossScale, , skipped] = values.subarray(at, at += SCALE_SCALARS);
      return { ...metrics, lossScale, skipped };
    });
  }

  /** Frees the GPU's memory of the optimizer and of what is pending. */
  dispose(): void {
    this.sgd.dispose();
    this.lossScale?.dispose();
    this.release();
    tf.dispose([this.#inputs.tensors.flat(), this.#pending.map(({ scalars }) => scalars)]);
    this.#inputs = { kind: "", tensors: [] };
    this.#pending = [];
  }
}

/** `sum` and shares of `gradients` as new tensors, in place of both. */
function addUp(
  sum: GradientResult["gradients"] | undefined,
  gradients: GradientResult["gradients"],
  shareOf: (k: number) => number,
): GradientResult["gradients"] {
  const added = gradients.map((parts, i) =>
    parts?.map((part, k) =>
      tf.tidy(() => {
        const weighted = part.mul(shareOf(i));
        return sum ? sum[i]![k].add(weighted) : weighted;
      })
    )
  );
  tf.dispose([sum ?? [], gradients].flat(2) as tf.Tensor[]);
  return added;
}
