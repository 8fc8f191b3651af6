import type { Head } from "../../lib/head/head.ts";
import { planNetwork } from "../../lib/model/network_plan.ts";
import { type TensorData, writeSafetensors } from "../../lib/model/safetensors.ts";
import type { Backbone } from "../../lib/nn/backbone.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { HEAD_DIALS } from "./stock_head.ts";
import { SGD_DIALS } from "./stock_training.ts";
// A text: a bundle carries it along.
import program from "./torch_peer.py" with { type: "text" };

/** What PyTorch made. */
export interface TorchModel {
  /** Trained values of the network. */
  readonly parameters: number;
  /** Version of PyTorch. */
  readonly torch: string;
  /** Where it computes. */
  readonly device: string;
}

/** A step that PyTorch took. */
export interface TorchStep {
  /** Milliseconds by its own clock, until the device is done. */
  readonly ms: number;
  /** Loss before the step. */
  readonly loss: number;
}

/** What is trained. */
export interface TorchSetup {
  readonly backbone: Backbone;
  readonly head: Head;
  /** Embeddings are trained in the place of a network: the backbone's parameter of this name. */
  readonly headAlone: boolean;
  readonly batch: number;
  /** Sample i has the class `i * labelStep` modulo their number. */
  readonly labelStep: number;
  readonly rate: number;
  /** Begins with our values: else with random ones. @default false */
  readonly sameWeights?: boolean;
}

/** The program of a Python that has PyTorch: what PYTHON names, else the first of these. */
const PYTHONS = ["python3", "/usr/bin/python3"];

/** An answer is a line of numbers; more is none. */
const MOST_ANSWER = 2 ** 16;

/** A Python with PyTorch, or undefined. */
export async function findTorch(): Promise<string | undefined> {
  const named = Deno.env.get("PYTHON");
  for (const python of named ? [named] : PYTHONS) {
    try {
      const { success } = await new Deno.Command(python, {
        args: ["-c", "import torch"],
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).output();
      if (success) return python;
    } catch {
      // no such program: the next one
    }
  }
  return undefined;
}

/** A process that takes training steps in PyTorch when it is told to. */
export class TorchPeer {
  readonly #process: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  #rest = "";

  /** Starts it; `python` is what {@linkcode findTorch} found. */
  constructor(python: string) {
    this.#process = new Deno.Command(python, {
      args: ["-c", program],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#process.stdin.getWriter();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Makes network, head and optimizer anew. */
  async open(
    { backbone, head, headAlone, batch, labelStep, rate, sameWeights = false }: TorchSetup,
  ): Promise<TorchModel> {
    const folder = sameWeights ? Deno.makeTempDirSync({ prefix: "centerbias-peer-" }) : undefined;
    try {
      const weights = folder && `${folder}/weights.safetensors`;
      if (weights) {
        const tensors = new Map([
          ...named(await backbone.parameters.state(), ""),
          ...named(await head.parameters.state(), "head."),
        ]);
        writeSafetensors(weights, tensors);
      }
      const frozen = backbone.parameters.list().filter(({ trainable }) => !trainable).map(({ name }) => name);
      return await this.#ask({
        do: "open",
        plan: headAlone ? null : planNetwork({ model: backbone.name, ...backbone.options }),
        frozen,
        batch,
        classes: head.classes,
        embedding_size: backbone.options.embeddingSize,
        image_size: backbone.options.imageSize,
        label_step: labelStep,
        head: HEAD_DIALS,
        sgd: SGD_DIALS,
        rate,
        weights: weights ?? null,
      }) as unknown as TorchModel;
    } finally {
      if (folder) Deno.removeSync(folder, { recursive: true });
    }
  }

  /** Takes a step. */
  async step(): Promise<TorchStep> {
    return await this.#ask({ do: "step" }) as unknown as TorchStep;
  }

  async #ask(request: Record<string, unknown>): Promise<Record<string, unknown>> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(request) + "\n"));
    while (!this.#rest.includes("\n")) {
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("PyTorch's process ended");
      this.#rest += value;
      if (this.#rest.length > MOST_ANSWER) throw new Error("PyTorch's process does not answer with a line");
    }
    const end = this.#rest.indexOf("\n");
    const answer = JSON.parse(this.#rest.slice(0, end));
    this.#rest = this.#rest.slice(end + 1);
    if (answer.error !== undefined) throw new Error(`PyTorch: ${answer.error}`);
    return answer;
  }

  /** Ends the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel().catch(() => {});
    await this.#process.status;
  }
}

function* named(state: StateDict, prefix: string): Generator<[string, TensorData]> {
  for (const [name, { shape, data }] of state) {
    yield [prefix + name, { dtype: "F32", shape: [...shape], data }];
  }
}
