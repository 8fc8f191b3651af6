import * as tf from "../../lib/deps/tfjs.ts";
import { BATCH_NORM_EPSILON, type NetworkPlan, type PlanStep } from "../../lib/model/network_plan.ts";

/** Share of a batch's statistics in the running ones. */
const STATISTICS_MOMENTUM = 0.1;

/** Parameters and buffers by PyTorch's names, filters [height, width, in / groups, out], on tfjs's own terms. */
export type StockVariables = ReadonlyMap<string, tf.Variable>;

/**
 * A backbone as one would write it with tfjs's own operations: conv2d, depthwiseConv2d, moments and batchNorm, prelu, matMul. In
 * training: statistics are the batch's, and the running ones move. Images [batch, S, S, 3] become embeddings [batch, dim].
 */
export function stockNetwork(plan: NetworkPlan, variables: StockVariables): (images: tf.Tensor4D) => tf.Tensor2D {
  return (images) => {
    const values = new Map<string, tf.Tensor>([[plan.input, images]]);
    for (const step of plan.steps) values.set(step.to, stockStep(step, values, variables));
    return values.get(plan.output) as tf.Tensor2D;
  };
}

function stockStep(step: PlanStep, values: ReadonlyMap<string, tf.Tensor>, variables: StockVariables): tf.Tensor {
  const x = values.get(step.from)!;
  if (step.op === "add") return x.add(values.get(step.other)!);
  // Height, width, channels: the filters of linear layers are in the same order.
  if (step.op === "flatten") return x.reshape([x.shape[0], -1]);
  const own = (part: string) => variables.get(`${step.name}.${part}`)!;
  if (step.op === "prelu") return tf.prelu(x, own("weight"));
  if (step.op === "batch_norm") return stockBatchNorm(x, own);
  if (step.op === "linear") {
    const product = tf.matMul(x as tf.Tensor2D, own("weight").reshape<tf.Tensor2D>([step.inputs, step.outputs]));
    return step.bias ? product.add(own("bias")) : product;
  }
  const { stride, pad, groups } = step;
  const filter = own("weight") as unknown as tf.Tensor4D;
  return groups === 1
    ? tf.conv2d(x as tf.Tensor4D, filter, stride, pad)
    : stockGroupedConv2d(x as tf.Tensor4D, filter, { stride, pad, groups });
}

/** Batch-norm over all axes but the last, in training. */
export function stockBatchNorm(x: tf.Tensor, own: (part: string) => tf.Tensor): tf.Tensor {
  const channels = x.shape[x.shape.length - 1]!;
  const count = x.size / channels;
  const { mean, variance } = tf.moments(x, x.shape.slice(0, -1).map((_, axis) => axis));
  const move = (name: string, now: tf.Tensor) => {
    const running = own(name) as tf.Variable;
    running.assign(running.mul(1 - STATISTICS_MOMENTUM).add(now.mul(STATISTICS_MOMENTUM)));
  };
  move("running_mean", mean);
  move("running_var", variance.mul(count / Math.max(1, count - 1)));
  return tf.batchNorm(
    x as tf.Tensor4D,
    mean as tf.Tensor1D,
    variance as tf.Tensor1D,
    own("bias") as tf.Tensor1D,
    own("weight") as tf.Tensor1D,
    BATCH_NORM_EPSILON,
  );
}

/**
 * Channels in groups, which tfjs does not have: a depthwise convolution with as many outputs of each input channel as a group has, and
 * the sum over the group's inputs. Filter [height, width, in / groups, out].
 */
export function stockGroupedConv2d(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  { stride, pad, groups }: { readonly stride: number; readonly pad: number; readonly groups: number },
): tf.Tensor4D {
  const [height, width, perIn, outputs] = filter.shape;
  const perOut = outputs / groups;
  const depthwise = filter.reshape([height, width, perIn, groups, perOut]).transpose([0, 1, 3, 2, 4])
    .reshape<tf.Tensor4D>([height, width, groups * perIn, perOut]);
  const each = tf.depthwiseConv2d(x, depthwise, stride, pad);
  if (perIn === 1) return each;
  const [batch, rows, cols] = each.shape;
  return each.reshape([batch * rows * cols * groups, perIn, perOut]).sum(1).reshape([batch, rows, cols, outputs]);
}
