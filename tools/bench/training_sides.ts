import * as tf from "../../lib/deps/tfjs.ts";
import { imageWords, unpackImages } from "../../lib/gpu/ops/unpack_images.ts";
import type { Gpu } from "../../lib/gpu/start_webgpu.ts";
import { createHead } from "../../lib/head/create_head.ts";
import type { Head } from "../../lib/head/head.ts";
import { type Backbone, createBackbone } from "../../lib/nn/backbone.ts";
import { Parameters } from "../../lib/nn/parameters.ts";
import { normal } from "../../lib/nn/random.ts";
import type { TrainingPart } from "../../lib/train/training_part.ts";
import { type StepMetrics, TrainingStep } from "../../lib/train/training_step.ts";
import { HEAD_DIALS } from "../peers/stock_head.ts";
import { SGD_DIALS, StockTraining } from "../peers/stock_training.ts";
import type { TorchModel, TorchPeer } from "../peers/torch_peer.ts";
import type { Side } from "./alternate.ts";

/** What is trained: a backbone under a head, or embeddings under it, for the head alone. */
export interface TrainingShape {
  /** A backbone's name; undefined for the head alone. */
  readonly model: string | undefined;
  readonly width: number;
  readonly imageSize: number;
  readonly classes: number;
  readonly batch: number;
  /** @default 512 */
  readonly embeddingSize?: number;
  /** Learning rate. @default so small that the weights stay what they are, and large enough to be no special case */
  readonly rate?: number;
}

/** Learning rate unless another is asked for. */
const RATE = 1e-6;

/** Sample i has the class i times this, modulo their number: no class twice. */
const LABEL_STEP = 31;

/** The training steps of one shape by each of those that are compared, all from the same weights, images and labels. */
export class TrainingSides {
  /** Ours. */
  readonly backbone: Backbone;
  /** Ours. */
  readonly head: Head;
  readonly #gpu: Gpu;
  readonly #shape: TrainingShape;
  readonly #step: TrainingStep;
  readonly #bytes: Uint8Array;
  readonly #labels: Int32Array;
  #stock: { training: StockTraining; images: tf.Tensor4D; labels: tf.Tensor1D } | undefined;

  /** Makes ours. */
  constructor(gpu: Gpu, shape: TrainingShape) {
    const { model, imageSize, width, classes, batch, embeddingSize = 512 } = shape;
    this.#gpu = gpu;
    this.#shape = shape;
    this.backbone = model === undefined
      ? embeddingsAlone(gpu, batch, embeddingSize)
      : createBackbone(gpu, model, { width, imageSize, embeddingSize });
    this.head = createHead(gpu, "center_bias", { classes, embeddingSize, ...HEAD_DIALS });
    this.#step = new TrainingStep(gpu, this.backbone, this.head, SGD_DIALS);
    // Of the head alone they are not looked at; WebGPU takes no empty ones.
    const size = model === undefined ? 12 : batch * imageSize ** 2 * 3;
    this.#bytes = Uint8Array.from({ length: size }, (_, i) => Math.imul(i, 2654435761) >>> 24);
    this.#labels = Int32Array.from({ length: batch }, (_, i) => (i * LABEL_STEP) % classes);
  }

  /** A step of ours, until its loss is there. */
  async step(): Promise<StepMetrics> {
    const { batch, imageSize, model, rate = RATE } = this.#shape;
    const part: TrainingPart = {
      size: batch,
      inputs: [imageWords(this.#bytes), new Int32Array(batch), this.#labels],
      unpack: ([words, flips, labels]) => ({
        images: model === undefined
          ? tf.zeros<tf.Rank.R4>([1, 1, 1, 4])
          : unpackImages(this.#gpu, words, imageSize, flips),
        labels: labels.clone(),
      }),
    };
    this.#step.run([part], rate);
    return (await this.#step.drain())[0];
  }

  /** Ours. */
  ours(): Side {
    return { name: "ours", run: async () => void await this.step() };
  }

  /** A step with tfjs's own kernels; gives its loss. The first call copies the weights as they are then. */
  stockStep(): Promise<number> {
    const { model, batch, imageSize, rate = RATE } = this.#shape;
    this.#stock ??= {
      training: new StockTraining(
        this.#gpu,
        this.backbone,
        this.head,
        model === undefined
          ? (variables) => () => variables.get("embeddings")!.clone() as tf.Tensor as tf.Tensor2D
          : undefined,
      ),
      images: tf.tidy(() =>
        model === undefined
          ? tf.zeros<tf.Rank.R4>([1, 1, 1, 3])
          : tf.tensor4d(Float32Array.from(this.#bytes), [batch, imageSize, imageSize, 3]).div(127.5).sub(1)
      ),
      labels: tf.tensor1d(this.#labels, "int32"),
    };
    const { training, images, labels } = this.#stock;
    return training.step(images, labels, rate);
  }

  /** The same with tfjs's own kernels, within `limit` seconds in all. */
  stock(limit: number): Side {
    return { name: "stock", warmUps: 1, limit, run: async () => void await this.stockStep() };
  }

  /** Makes the same in PyTorch. */
  openTorch(peer: TorchPeer, { sameWeights = false } = {}): Promise<TorchModel> {
    const { model, batch, rate = RATE } = this.#shape;
    return peer.open({
      backbone: this.backbone,
      head: this.head,
      headAlone: model === undefined,
      batch,
      labelStep: LABEL_STEP,
      rate,
      sameWeights,
    });
  }

  /** Frees the GPU's memory. */
  dispose(): void {
    this.#step.dispose();
    this.head.dispose();
    this.backbone.dispose();
    if (this.#stock) {
      const { training, images, labels } = this.#stock;
      training.dispose();
      tf.dispose([images, labels]);
    }
  }
}

/** The same in PyTorch. */
export function torchSide(peer: TorchPeer): Side {
  return { name: "torch", run: async () => (await peer.step()).ms };
}

/** In the place of a backbone: embeddings [batch, dim] that are trained themselves. */
function embeddingsAlone(gpu: Gpu, batch: number, dim: number): Backbone {
  const parameters = new Parameters(gpu, 22);
  const embeddings = parameters.add("embeddings", [batch, dim], normal);
  return {
    name: "embeddings",
    options: { width: 1, imageSize: 1, embeddingSize: dim, seed: 22, precision: "f32" },
    parameters,
    // A tensor of its own on the tape: the step disposes of what it gets.
    forward: () => embeddings.clone() as tf.Tensor as tf.Tensor2D,
    dispose: () => parameters.dispose(),
  };
}
