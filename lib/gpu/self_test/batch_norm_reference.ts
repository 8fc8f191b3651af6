import type { Expected } from "./kernel_case.ts";

/** What goes into a batch-norm layer; matrices [rows, channels], the others [channels]. */
export interface BatchNormInputs {
  readonly x: Float32Array;
  readonly dy: Float32Array;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  readonly slope: Float32Array | undefined;
  readonly residual: Float32Array | undefined;
  readonly runningMean: Float32Array;
  readonly runningVariance: Float32Array;
}

/** Shape and constants of the layer. */
export interface BatchNormShape {
  readonly rows: number;
  readonly channels: number;
  readonly training: boolean;
  readonly epsilon: number;
  readonly momentum: number;
}

/** Below this a value before PReLU could have either sign in float32: its gradient has no one right value. */
const KINK = 1e-5;

/** Roundings of the expressions around the sums: differences, products, an inverse square root of two units or three. */
const EXPRESSION = 6;

/**
 * Every output of a batch-norm layer with what follows it, by name, in plain float64 loops.
 *
 * `x` is changed where a value before PReLU would be too near to zero.
 */
export function batchNormReference(inputs: BatchNormInputs, shape: BatchNormShape): Record<string, Expected> {
  const { rows, channels, training, epsilon } = shape;
  const { x, slope } = inputs;
  let columns = statistics(inputs, shape);
  if (slope) {
    // Moving a value changes the statistics a little, and others with them: look again until none is near.
    for (let moved = true; moved;) {
      moved = false;
      for (let i = 0; i < x.length; i++) {
        const c = i % channels;
        const z = (x[i] - columns.mean[c]) * columns.inverse[c] * inputs.weight[c] + inputs.bias[c];
        if (Math.abs(z) > KINK) continue;
        x[i] += 0.01;
        moved = true;
      }
      columns = statistics(inputs, shape);
    }
  }
  const { mean, variance, inverse } = columns;
  const size = rows * channels;
  const pair = (length: number) => ({ value: new Float64Array(length), spread: new Float64Array(length) });
  const output = pair(size), dx = pair(size), dResidual = pair(size);
  const dWeight = pair(channels), dBias = pair(channels), dSlope = pair(channels);
  const runningMean = pair(channels), runningVariance = pair(channels);
  for (let c = 0; c < channels; c++) {
    const w = inputs.weight[c], b = inputs.bias[c];
    // The mean is off by a rounding of the values it is made of, their root mean square, however near to it a value lies: that
    // counts as an error of every normalised value. Far from zero it is the rounding of the mean itself.
    const offset = shape.training
      ? Math.hypot(mean[c], Math.sqrt(variance[c])) * inverse[c]
      : Math.abs(mean[c]) * inverse[c];
    let sum = 0, product = 0, slopeSum = 0, squares = 0, products = 0, slopes = 0;
    const g = new Float64Array(rows), normal = new Float64Array(rows);
    for (let r = 0; r < rows; r++) {
      const i = r * channels + c;
      normal[r] = (x[i] - mean[c]) * inverse[c];
      const z = normal[r] * w + b;
      const follow = slope && z < 0 ? slope[c] : 1;
      output.value[i] = z * follow + (inputs.residual?.[i] ?? 0);
      output.spread[i] = Math.hypot((Math.abs(normal[r]) + offset) * w, b, inputs.residual?.[i] ?? 0);
      g[r] = inputs.dy[i] * follow;
      sum += g[r];
      product += g[r] * normal[r];
      squares += g[r] ** 2;
      products += (g[r] * (Math.abs(normal[r]) + offset)) ** 2;
      if (slope && z < 0) {
        slopeSum += inputs.dy[i] * z;
        slopes += (inputs.dy[i] * output.spread[i]) ** 2;
      }
      dResidual.value[i] = inputs.dy[i];
      dResidual.spread[i] = Math.abs(inputs.dy[i]);
    }
    dBias.value[c] = sum;
    dBias.spread[c] = Math.sqrt(squares);
    dWeight.value[c] = product;
    dWeight.spread[c] = Math.sqrt(products);
    dSlope.value[c] = slopeSum;
    dSlope.spread[c] = Math.sqrt(slopes);
    for (let r = 0; r < rows; r++) {
      const i = r * channels + c;
      const scale = w * inverse[c];
      dx.value[i] = scale * (g[r] - sum / rows - normal[r] * product / rows);
      dx.spread[i] = scale *
        Math.hypot(g[r], Math.sqrt(squares) / rows, (Math.abs(normal[r]) + offset) * Math.sqrt(products) / rows);
    }
    const { momentum } = shape;
    const unbiased = rows > 1 ? rows / (rows - 1) : 1;
    runningMean.value[c] = (1 - momentum) * inputs.runningMean[c] + momentum * mean[c];
    runningMean.spread[c] = Math.abs(inputs.runningMean[c]) + momentum * columns.size[c];
    runningVariance.value[c] = (1 - momentum) * inputs.runningVariance[c] + momentum * unbiased * variance[c];
    runningVariance.spread[c] = Math.abs(inputs.runningVariance[c]) + momentum * unbiased * (variance[c] + epsilon);
  }
  const sums = rows + EXPRESSION;
  const terms = training ? sums : EXPRESSION;
  return {
    output: { ...output, terms },
    "gradient of x": { ...dx, terms },
    "gradient of weight": { ...dWeight, terms: sums },
    "gradient of bias": { ...dBias, terms: sums },
    "gradient of slope": { ...dSlope, terms: sums },
    "gradient of residual": { ...dResidual, terms: 0 },
    "running mean": { ...runningMean, terms },
    "running variance": { ...runningVariance, terms },
  };
}

/** Mean, variance, 1/sqrt(variance + epsilon) and typical size of each column: of the batch, or the running ones. */
function statistics(
  { x, runningMean, runningVariance }: BatchNormInputs,
  { rows, channels, training, epsilon }: BatchNormShape,
): Record<"mean" | "variance" | "inverse" | "size", Float64Array> {
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  const square = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) {
    mean[i % channels] += x[i] / rows;
    square[i % channels] += x[i] ** 2 / rows;
  }
  for (let i = 0; i < x.length; i++) variance[i % channels] += (x[i] - mean[i % channels]) ** 2 / rows;
  if (!training) {
    mean.set(runningMean);
    variance.set(runningVariance);
  }
  const inverse = variance.map((value) => 1 / Math.sqrt(value + epsilon));
  return { mean, variance, inverse, size: square.map(Math.sqrt) };
}
