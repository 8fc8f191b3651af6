import type { StateDict } from "../nn/parameters.ts";
import { BATCH_NORM_EPSILON, type NetworkPlan, type PlanStep } from "./network_plan.ts";

/** A plan and the tensors its steps read. */
export interface WeightedPlan {
  /** The operations. */
  readonly plan: NetworkPlan;
  /** Tensors by the steps' names. */
  readonly state: StateDict;
}

type Weighted = Extract<PlanStep, { op: "conv" | "linear" }>;

/** y = scale * x + shift, per channel, in float64. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/**
 * The same network with batch-norms taken into the convolution or matrix before them, and into the matrix after them where only a
 * flattening lies between. A batch-norm before a padded convolution stays: the padding's zeros come after it.
 *
 * @example
 * ```ts
 * import { foldBatchNorm } from "./fold_batch_norm.ts";
 * import { planNetwork, planShapes } from "./network_plan.ts";
 *
 * const plan = planNetwork({ model: "mbf", width: 0.125, imageSize: 32, embeddingSize: 16 });
 * const state = new Map([...planShapes(plan)].map(([name, shape]) => [
 *   name,
 *   { shape, data: new Float32Array(shape.reduce((a, b) => a * b)).fill(1) },
 * ]));
 * console.assert(foldBatchNorm({ plan, state }).plan.steps.every(({ op }) => op !== "batch_norm"));
 * ```
 */
export function foldBatchNorm({ plan, state }: WeightedPlan): WeightedPlan {
  const steps: PlanStep[] = [];
  const folded: StateDict = new Map(state);
  /** Steps that read a value. */
  const readers = new Map<string, PlanStep[]>();
  for (const step of plan.steps) {
    for (const name of step.op === "add" ? [step.from, step.other] : [step.from]) {
      readers.set(name, [...readers.get(name) ?? [], step]);
    }
  }
  const onlyReader = (value: string): PlanStep | undefined => {
    const list = readers.get(value) ?? [];
    return list.length === 1 && value !== plan.output ? list[0] : undefined;
  };
  /** Values that a later step is to read instead of others, since the step between is gone. */
  const renamed = new Map<string, string>();
  const nameOf = (value: string) => renamed.get(value) ?? value;
  /** Batch-norms to take into the matrix that follows. */
  const ahead = new Map<string, Affine>();
  for (const original of plan.steps) {
    const step: PlanStep = original.op === "add"
      ? { ...original, from: nameOf(original.from), other: nameOf(original.other) }
      : { ...original, from: nameOf(original.from) };
    if (step.op === "batch_norm") {
      const before = steps.findIndex((candidate) => candidate.to === step.from);
      const source = steps[before];
      if (
        source !== undefined && (source.op === "conv" || source.op === "linear") && onlyReader(source.to) === original
      ) {
        steps[before] = foldBefore(source, step.to, affine(step.name, folded), folded);
        forget(step.name, folded);
        continue;
      }
      const flatten = onlyReader(step.to);
      const linear = flatten?.op === "flatten" ? onlyReader(flatten.to) : undefined;
      if (linear?.op === "linear") {
        ahead.set(linear.name, affine(step.name, folded));
        forget(step.name, folded);
        renamed.set(step.to, step.from);
        continue;
      }
    }
    if (step.op === "linear" && ahead.has(step.name)) {
      steps.push(foldAfter(step, ahead.get(step.name)!, folded));
      continue;
    }
    steps.push(step);
  }
  return { plan: { ...plan, steps }, state: folded };
}

function affine(name: string, state: StateDict): Affine {
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((part) =>
    state.get(`${name}.${part}`)!.data
  );
  const scale = Float64Array.from(weight, (value, i) => value / Math.sqrt(variance[i] + BATCH_NORM_EPSILON));
  return { scale, shift: Float64Array.from(bias, (value, i) => value - mean[i] * scale[i]) };
}

function forget(name: string, state: StateDict): void {
  for (const part of ["weight", "bias", "running_mean", "running_var"]) state.delete(`${name}.${part}`);
}

/** The batch-norm follows: rows of the weights are scaled. */
function foldBefore(step: Weighted, to: string, { scale, shift }: Affine, state: StateDict): Weighted {
  const { shape, data } = state.get(`${step.name}.weight`)!;
  const row = data.length / step.outputs;
  state.set(`${step.name}.weight`, { shape, data: data.map((value, i) => value * scale[Math.floor(i / row)]) });
  const bias = state.get(`${step.name}.bias`)?.data;
  state.set(`${step.name}.bias`, {
    shape: [step.outputs],
    data: Float32Array.from(shift, (value, o) => value + (bias?.[o] ?? 0) * scale[o]),
  });
  return { ...step, to, bias: true };
}

/** The batch-norm goes before: columns of the matrix are scaled, its channels each being `inputs / channels` columns. */
function foldAfter(step: Extract<PlanStep, { op: "linear" }>, { scale, shift }: Affine, state: StateDict): PlanStep {
  const { shape, data } = state.get(`${step.name}.weight`)!;
  const positions = step.inputs / scale.length;
  const before = state.get(`${step.name}.bias`)?.data;
  const bias = new Float32Array(step.outputs);
  const weight = new Float32Array(data.length);
  for (let o = 0; o < step.outputs; o++) {
    let sum = before?.[o] ?? 0;
    for (let i = 0; i < step.inputs; i++) {
      const at = o * step.inputs + i;
      const channel = Math.floor(i / positions);
      weight[at] = data[at] * scale[channel];
      sum += data[at] * shift[channel];
    }
    bias[o] = sum;
  }
  state.set(`${step.name}.weight`, { shape, data: weight });
  state.set(`${step.name}.bias`, { shape: [step.outputs], data: bias });
  return { ...step, bias: true };
}
