import { InputError } from "../errors.ts";
import type { BackboneOptions } from "../nn/backbone.ts";
import { IRESNET_BLOCKS } from "../nn/iresnet.ts";
import { MOBILEFACENET_SHAPES, type MobileFaceNetShape } from "../nn/mobilefacenet.ts";

/** One operation of a network; `from`, `other` and `to` name the values it reads and makes, all [batch, channels, …]. */
export type PlanStep =
  | {
    readonly op: "conv";
    /** Its filter is `NAME.weight` [outputs, inputs / groups, size, size], its bias `NAME.bias` where it has one. */
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly inputs: number;
    readonly outputs: number;
    readonly size: number;
    readonly stride: number;
    readonly pad: number;
    readonly groups: number;
    readonly bias: boolean;
  }
  | {
    readonly op: "batch_norm";
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly channels: number;
  }
  | {
    readonly op: "prelu";
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly channels: number;
  }
  | { readonly op: "add"; readonly from: string; readonly other: string; readonly to: string }
  | { readonly op: "flatten"; readonly from: string; readonly to: string }
  | {
    readonly op: "linear";
    /** Its matrix is `NAME.weight` [outputs, inputs], its bias `NAME.bias` where it has one. */
    readonly name: string;
    readonly from: string;
    readonly to: string;
    readonly inputs: number;
    readonly outputs: number;
    readonly bias: boolean;
  };

/** A network as a list of operations, for what runs it elsewhere: ONNX runtimes, browsers. */
export interface NetworkPlan {
  /** Name of the value that goes in: images [batch, 3, size, size], RGB in [-1, 1]. */
  readonly input: string;
  /** Name of the value that comes out: embeddings [batch, embeddingSize], not normalised. */
  readonly output: string;
  /** The operations, in an order in which they can be run. */
  readonly steps: readonly PlanStep[];
}

/** Which network: a backbone's name and dials. */
export interface NetworkFacts {
  /** Backbone, such as `iresnet18`. */
  readonly model: string;
  /** Multiplier of every channel count. */
  readonly width: number;
  /** Height and width of the images. */
  readonly imageSize: number;
  /** Length of an embedding. */
  readonly embeddingSize: number;
}

/** Added to a variance before its root, as everywhere in the networks. */
export const BATCH_NORM_EPSILON = 1e-5;

/** Channels of an IResNet's four layers at width 1. */
const IRESNET_CHANNELS = [64, 128, 256, 512];

/** Channels at a width. */
export function scaledChannels(count: number, width: number): number {
  return Math.max(1, Math.round(count * width));
}

/**
 * The operations of a backbone, in evaluation mode, under PyTorch's names.
 *
 * @throws {InputError} if there is no backbone of this name, or a dial is out of range.
 *
 * @example
 * ```ts
 * import { planNetwork } from "./network_plan.ts";
 *
 * const plan = planNetwork({ model: "iresnet18", width: 1, imageSize: 112, embeddingSize: 512 });
 * console.assert(plan.steps.filter(({ op }) => op === "conv").length === 1 + 16 + 4);
 * ```
 */
export function planNetwork(facts: NetworkFacts): NetworkPlan {
  checkDials(facts);
  const planner = new Planner();
  if (Object.hasOwn(IRESNET_BLOCKS, facts.model)) planIResNet(planner, IRESNET_BLOCKS[facts.model], facts);
  else if (Object.hasOwn(MOBILEFACENET_SHAPES, facts.model)) {
    planMobileFaceNet(planner, MOBILEFACENET_SHAPES[facts.model], facts);
  } else {
    const names = [...Object.keys(IRESNET_BLOCKS), ...Object.keys(MOBILEFACENET_SHAPES)];
    throw new InputError(`Cannot make backbone: expected one of ${names.join(", ")}, found ${facts.model}`);
  }
  return { input: INPUT, output: OUTPUT, steps: planner.steps };
}

function checkDials({ model, width, imageSize, embeddingSize }: NetworkFacts): void {
  const refuse = (what: string, found: number) => {
    throw new InputError(`Cannot make backbone ${model}: expected ${what}, found ${found}`);
  };
  const isWhole = (value: number, least: number, most: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  if (!(width > 0 && width <= 8)) refuse("width over 0 and at most 8", width);
  if (!isWhole(imageSize, 16, 1024)) refuse("image size 16 to 1024", imageSize);
  if (!isWhole(embeddingSize, 1, 8192)) refuse("embedding size 1 to 8192", embeddingSize);
}

/** Names and shapes of the tensors that a plan's steps read, in PyTorch's order. */
export function planShapes({ steps }: NetworkPlan): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const step of steps) {
    if (step.op === "conv") {
      shapes.set(`${step.name}.weight`, [step.outputs, step.inputs / step.groups, step.size, step.size]);
    } else if (step.op === "linear") shapes.set(`${step.name}.weight`, [step.outputs, step.inputs]);
    else if (step.op === "prelu") shapes.set(`${step.name}.weight`, [step.channels]);
    else if (step.op === "batch_norm") {
      for (const part of ["weight", "bias", "running_mean", "running_var"]) {
        shapes.set(`${step.name}.${part}`, [step.channels]);
      }
    }
    if ((step.op === "conv" || step.op === "linear") && step.bias) shapes.set(`${step.name}.bias`, [step.outputs]);
  }
  return shapes;
}

const INPUT = "input", OUTPUT = "embedding";

/** How a convolution is declared; without bias. */
interface ConvPlan {
  readonly inputs: number;
  readonly outputs: number;
  readonly size: number;
  readonly stride?: number;
  readonly pad?: number;
  readonly groups?: number;
}

/** Appends steps; each returns the name of what it makes, which is the step's own. */
class Planner {
  readonly steps: PlanStep[] = [];

  conv(name: string, from: string, { inputs, outputs, size, stride = 1, pad = 0, groups = 1 }: ConvPlan): string {
    this.steps.push({ op: "conv", name, from, to: name, inputs, outputs, size, stride, pad, groups, bias: false });
    return name;
  }

  batchNorm(name: string, from: string, channels: number, to = name): string {
    this.steps.push({ op: "batch_norm", name, from, to, channels });
    return to;
  }

  prelu(name: string, from: string, channels: number): string {
    this.steps.push({ op: "prelu", name, from, to: name, channels });
    return name;
  }

  add(to: string, from: string, other: string): string {
    this.steps.push({ op: "add", from, other, to });
    return to;
  }

  flatten(to: string, from: string): string {
    this.steps.push({ op: "flatten", from, to });
    return to;
  }

  linear(name: string, from: string, inputs: number, outputs: number, bias: boolean): string {
    this.steps.push({ op: "linear", name, from, to: name, inputs, outputs, bias });
    return name;
  }
}

function planIResNet(
  plan: Planner,
  blocks: readonly number[],
  facts: Required<Omit<BackboneOptions, "seed" | "precision">>,
): void {
  const { width, imageSize, embeddingSize } = facts;
  const channels = IRESNET_CHANNELS.map((count) => scaledChannels(count, width));
  let inputs = channels[0];
  let x = plan.conv("conv1", INPUT, { inputs: 3, outputs: inputs, size: 3, pad: 1 });
  x = plan.prelu("prelu", plan.batchNorm("bn1", x, inputs), inputs);
  blocks.forEach((count, layer) => {
    const outputs = channels[layer];
    for (let b = 0; b < count; b++) {
      const name = `layer${layer + 1}.${b}`;
      const stride = b === 0 ? 2 : 1;
      let y = plan.batchNorm(`${name}.bn1`, x, inputs);
      y = plan.conv(`${name}.conv1`, y, { inputs, outputs, size: 3, pad: 1 });
      y = plan.prelu(`${name}.prelu`, plan.batchNorm(`${name}.bn2`, y, outputs), outputs);
      y = plan.conv(`${name}.conv2`, y, { inputs: outputs, outputs, size: 3, pad: 1, stride });
      y = plan.batchNorm(`${name}.bn3`, y, outputs);
      if (stride === 2) {
        const shortcut = plan.conv(`${name}.downsample.0`, x, { inputs, outputs, size: 1, stride });
        x = plan.batchNorm(`${name}.downsample.1`, shortcut, outputs);
      }
      x = plan.add(name, y, x);
      inputs = outputs;
    }
  });
  const side = halved(imageSize, blocks.length);
  x = plan.flatten("flatten", plan.batchNorm("bn2", x, inputs));
  plan.batchNorm("features", plan.linear("fc", x, inputs * side * side, embeddingSize, true), embeddingSize, OUTPUT);
}

function planMobileFaceNet(
  plan: Planner,
  { blocks, scale }: MobileFaceNetShape,
  { width, imageSize, embeddingSize }: Required<Omit<BackboneOptions, "seed" | "precision">>,
): void {
  const scaled = (count: number) => scaledChannels(count, width);
  const first = scale * scaled(64);
  const second = 2 * first;
  const last = scaled(512);
  const linearBlock = (name: string, from: string, conv: ConvPlan) =>
    plan.batchNorm(`${name}.layers.1`, plan.conv(`${name}.layers.0`, from, conv), conv.outputs);
  const convBlock = (name: string, from: string, conv: ConvPlan) =>
    plan.prelu(`${name}.layers.2`, linearBlock(name, from, conv), conv.outputs);
  const depthWise = (name: string, from: string, inputs: number, outputs: number, groups: number, stride: number) => {
    let y = convBlock(`${name}.layers.0`, from, { inputs, outputs: groups, size: 1 });
    y = convBlock(`${name}.layers.1`, y, { inputs: groups, outputs: groups, size: 3, pad: 1, stride, groups });
    return linearBlock(`${name}.layers.2`, y, { inputs: groups, outputs, size: 1 });
  };
  const residuals = (name: string, from: string, channels: number, count: number, groups: number) => {
    let y = from;
    for (let i = 0; i < count; i++) {
      const block = `${name}.layers.${i}`;
      y = plan.add(block, depthWise(block, y, channels, channels, groups, 1), y);
    }
    return y;
  };
  let x = convBlock("layers.0", INPUT, { inputs: 3, outputs: first, size: 3, stride: 2, pad: 1 });
  x = blocks[0] === 1
    ? convBlock("layers.1", x, { inputs: first, outputs: first, size: 3, pad: 1, groups: scaled(64) })
    : residuals("layers.1", x, first, blocks[0], scaled(128));
  x = depthWise("layers.2", x, first, first, scaled(128), 2);
  x = residuals("layers.3", x, first, blocks[1], scaled(128));
  x = depthWise("layers.4", x, first, second, scaled(256), 2);
  x = residuals("layers.5", x, second, blocks[2], scaled(256));
  x = depthWise("layers.6", x, second, second, scaled(512), 2);
  x = residuals("layers.7", x, second, blocks[3], scaled(256));
  x = convBlock("conv_sep", x, { inputs: second, outputs: last, size: 1 });
  const side = halved(imageSize, 4);
  x = linearBlock("features.layers.0", x, { inputs: last, outputs: last, size: side, groups: last });
  x = plan.linear("features.layers.2", plan.flatten("features.layers.1", x), last, embeddingSize, false);
  plan.batchNorm("features.layers.3", x, embeddingSize, OUTPUT);
}

/** A side after `times` strides of two. */
function halved(side: number, times: number): number {
  for (let i = 0; i < times; i++) side = Math.ceil(side / 2);
  return side;
}
