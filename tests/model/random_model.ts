import { type NetworkFacts, planNetwork, planShapes } from "../../lib/model/network_plan.ts";
import type { StoredModel } from "../../lib/model/read_model.ts";
import type { StateDict } from "../../lib/nn/parameters.ts";
import { hash32 } from "../../lib/data/random.ts";
import { normal, uniform } from "../../lib/nn/random.ts";

/** A backbone small enough to be compiled and run in a moment. */
export const SMALL = { width: 1 / 16, imageSize: 32, embeddingSize: 16 };

/** Weights and statistics as training leaves them: none is 0 or 1, and values neither vanish nor explode in deep networks. */
export function randomModel(facts: NetworkFacts, seed = 21): StoredModel {
  const state: StateDict = new Map();
  let number = 0;
  for (const [name, shape] of planShapes(planNetwork(facts))) {
    const stream = hash32(seed ^ hash32(++number));
    const fan = shape.slice(1).reduce((a, b) => a * b, 1);
    const value = /\.running_var$/.test(name)
      ? (i: number) => 0.5 + uniform(stream, i)
      : /\.(running_mean|bias)$/.test(name)
      ? (i: number) => 0.2 * normal(stream, i)
      : shape.length > 1
      ? (i: number) => normal(stream, i) / Math.sqrt(fan)
      : (i: number) => (/bn3|prelu|layers\.2\.weight/.test(name) ? 0.1 : 0.8) + 0.2 * uniform(stream, i);
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => value(i));
    state.set(name, { shape, data });
  }
  return { path: `random ${facts.model}`, ...facts, state, metadata: {} };
}

/** The largest difference of two arrays, relative to the largest value. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0, largest = 0;
  for (let i = 0; i < b.length; i++) {
    difference = Math.max(difference, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(b[i]));
    if (Number.isNaN(a[i]) || Number.isNaN(b[i])) return NaN;
  }
  return a.length === b.length ? difference / largest : Infinity;
}
