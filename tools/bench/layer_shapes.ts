import type { ConvLayer, Size3 } from "../../lib/gpu/conv_layer.ts";
import type { NetworkPlan } from "../../lib/model/network_plan.ts";

/** A convolution or a linear layer; a linear layer is one whose filter covers its input. */
export interface ConvShape {
  readonly kind: "conv" | "linear";
  /** Its geometry, with the channels it has. */
  readonly layer: ConvLayer;
  readonly groups: number;
  /** Whether it needs its input's gradient: the first does not. */
  readonly inputGradient: boolean;
}

/** A batch-norm over all axes but the last, and what follows it in the same pass over memory. */
export interface NormShape {
  readonly kind: "norm";
  /** Of its input, the batch first. */
  readonly shape: readonly number[];
  readonly follow: "prelu" | "sum" | undefined;
}

/** A layer's shape and how often it is in a network. */
export interface CountedShape {
  /** In a few words. */
  readonly name: string;
  readonly shape: ConvShape | NormShape;
  count: number;
}

/** The different shapes of a network's layers on a batch of images, in the order in which they come first. */
export function layerShapes(plan: NetworkPlan, batch: number, imageSize: number): CountedShape[] {
  const sizes = new Map<string, Size3>([[plan.input, [imageSize, imageSize, 3]]]);
  const found = new Map<string, CountedShape>();
  const note = (name: string, shape: ConvShape | NormShape) => {
    const known = found.get(name);
    if (known) known.count++;
    else found.set(name, { name, shape, count: 1 });
  };
  for (const step of plan.steps) {
    const input = sizes.get(step.from)!;
    sizes.set(step.to, input);
    if (step.op === "conv") {
      const { size, stride, pad, groups, outputs } = step;
      const side = (n: number) => Math.floor((n + 2 * pad - size) / stride) + 1;
      const output: Size3 = [side(input[0]), side(input[1]), outputs];
      sizes.set(step.to, output);
      const layer = { batch, input, output, filter: [size, size] as const, stride, pad };
      const words = groups > 1 ? `, ${groups} groups` : "";
      note(
        `conv ${size}x${size} ${input[2]}->${outputs} on ${input[0]}x${input[1]}${
          stride > 1 ? ` stride ${stride}` : ""
        }${words}`,
        { kind: "conv", layer, groups, inputGradient: step.from !== plan.input },
      );
    } else if (step.op === "linear") {
      const output: Size3 = [1, 1, step.outputs];
      sizes.set(step.to, output);
      const layer = { batch, input, output, filter: [input[0], input[1]] as const, stride: 1, pad: 0 };
      note(`linear ${step.inputs}->${step.outputs}`, { kind: "linear", layer, groups: 1, inputGradient: true });
    } else if (step.op === "batch_norm") {
      const next = plan.steps.find((one) => "from" in one && one.from === step.to);
      const follow = next?.op === "prelu" ? "prelu" : next?.op === "add" ? "sum" : undefined;
      const shape = input[0] * input[1] === 1 ? [batch, input[2]] : [batch, ...input];
      const words = follow === "prelu" ? " and PReLU" : follow === "sum" ? " and sum" : "";
      note(`batch norm${words} ${shape.slice(1).join("x")}`, { kind: "norm", shape, follow });
    }
  }
  return [...found.values()];
}
