import { InputError } from "../errors.ts";
import { toFloat32 } from "../model/safetensors.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { TrainOptions } from "./options.ts";

/** A class as a checkpoint knows it. */
export interface ClassRow {
  /** Its number. */
  readonly label: number;
  /** 1 - cosine of weight and center: 0 where they agree, the method's hardness. */
  readonly bias: number;
  /** Its margin at the next step, radians. */
  readonly margin: number;
}

/** The classes of a checkpoint, in the order of their numbers. */
export interface ClassHardness {
  /** One per class. */
  readonly rows: readonly ClassRow[];
  /** Class weights scaled to unit length, [classes, dim]. */
  readonly directions: Float32Array;
  /** Length of an embedding. */
  readonly dim: number;
  /** The convergence parameter in force. */
  readonly t: number;
}

/** What the margins depend on. */
export type MarginDials = Pick<TrainOptions, "margin" | "mM" | "constantT">;

/**
 * Bias and margin of every class, as the center-bias head would use them in the next step.
 *
 * `centers` [classes, dim] stand in for the checkpoint's own, which only the center-bias head keeps.
 *
 * @throws {InputError} if the checkpoint has no class weights or no centers, or the centers are of another shape.
 * @source "Face Recognition Based on Center Bias Estimation and Adaptive Margin", steps 3 and 4
 */
export function classHardness(
  { path, tensors }: Pick<Checkpoint, "path" | "tensors">,
  { margin, mM, constantT }: MarginDials,
  centers?: Float32Array,
): ClassHardness {
  const fail = (what: string) => new InputError(`Cannot report on the classes of ${path}: ${what}`);
  const weight = tensors.get("head.weight");
  if (weight === undefined || weight.shape.length !== 2) {
    throw fail("expected class weights (head.weight), found none; give a checkpoint of a run, not its model");
  }
  const [classes, dim] = weight.shape;
  const own = tensors.get("head.center");
  if (centers === undefined && own === undefined) {
    throw fail("expected class centers, found none: its head keeps none; give those of tools/class_centers.ts");
  }
  const found = centers ?? toFloat32(own!);
  if (found.length !== classes * dim) {
    throw fail(
      `expected centers of ${classes} classes of ${dim} numbers, found ${found.length} numbers in all; give others`,
    );
  }
  const kept = tensors.get("head.t");
  const t = constantT || kept === undefined ? 1 : toFloat32(kept)[0];
  const directions = toFloat32(weight).slice();
  const biases = new Float64Array(classes);
  for (let c = 0; c < classes; c++) {
    let dot = 0, ww = 0, mm = 0;
    for (let d = c * dim; d < (c + 1) * dim; d++) {
      dot += directions[d] * found[d];
      ww += directions[d] * directions[d];
      mm += found[d] * found[d];
    }
    biases[c] = 1 - dot / Math.max(Math.sqrt(ww * mm), 1e-8);
    const scale = ww > 0 ? 1 / Math.sqrt(ww) : 0;
    for (let d = c * dim; d < (c + 1) * dim; d++) directions[d] *= scale;
  }
  let least = Infinity, most = -Infinity;
  for (const bias of biases) {
    if (!Number.isFinite(bias)) {
      throw fail("expected finite weights and centers, found others; take an earlier checkpoint");
    }
    least = Math.min(least, bias);
    most = Math.max(most, bias);
  }
  const rows = Array.from(biases, (bias, label): ClassRow => {
    const hardness = most > least ? (bias - least) / (most - least) : 0;
    return { label, bias, margin: Math.min(margin + mM, Math.max(margin, margin + hardness * t * mM)) };
  });
  return { rows, directions, dim, t };
}

/** Another class and how near it is. */
export interface NearClass {
  /** Its number. */
  readonly label: number;
  /** Cosine between the two weights. */
  readonly cosine: number;
}

/** The `count` classes whose weights are nearest to that of class `label`, the nearest first. */
export function nearestClasses({ directions, dim }: ClassHardness, label: number, count: number): NearClass[] {
  const best: NearClass[] = [];
  const classes = directions.length / dim;
  for (let other = 0; other < classes; other++) {
    if (other === label) continue;
    let cosine = 0;
    for (let d = 0, a = label * dim, b = other * dim; d < dim; d++) cosine += directions[a + d] * directions[b + d];
    if (best.length === count && cosine <= best[count - 1].cosine) continue;
    let at = best.length;
    while (at > 0 && best[at - 1].cosine < cosine) at--;
    best.splice(at, 0, { label: other, cosine });
    if (best.length > count) best.pop();
  }
  return best;
}
