import * as tf from "../../deps/tfjs.ts";
import type { ConvChoice } from "../conv_choice.ts";
import type { ConvLayer } from "../conv_layer.ts";
import type { Gpu } from "../start_webgpu.ts";
import { directFilterGradient, directForward, directInputGradient } from "./conv_direct.ts";
import { tiledFilterGradient, tiledForward, tiledInputGradient } from "./conv_tiled.ts";
import { coversWhole, wholeInputGradient } from "./conv_whole.ts";
import { winogradFilterGradient, winogradForward, winogradInputGradient } from "./conv_winograd.ts";
import { applyNorm, type Norm } from "./norm.ts";

/** The output of a dense layer, [batch, OH, OW, O], by the way chosen for it; of a normalised input where a norm is given. */
export function convForward(
  gpu: Gpu,
  x: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  norm?: Norm,
  choice: ConvChoice = gpu.choices.of(layer, "forward"),
): tf.Tensor {
  if (choice.method === "winograd") return winogradForward(gpu, x, filter, layer, choice, norm);
  if (choice.method === "tiled") return tiledForward(gpu, x, filter, layer, choice, norm);
  return tf.tidy(() => directForward(gpu, norm ? applyNorm(gpu, x, norm) : x, filter, layer, choice));
}

/** The gradient of a dense layer's (normalised) input, [batch, H, W, C]. */
export function convInputGradient(
  gpu: Gpu,
  dy: tf.Tensor,
  filter: tf.Tensor,
  layer: ConvLayer,
  choice?: ConvChoice,
): tf.Tensor {
  if (coversWhole(layer)) return wholeInputGradient(gpu, dy, filter, layer);
  const taken = choice ?? gpu.choices.of(layer, "input");
  if (taken.method === "winograd") return winogradInputGradient(gpu, dy, filter, layer, taken);
  if (taken.method === "tiled") return tiledInputGradient(gpu, dy, filter, layer, taken);
  return directInputGradient(gpu, dy, filter, layer, taken);
}

/** The gradient of a dense layer's filter, [h, w, C, O]; of a normalised input where a norm is given. */
export function convFilterGradient(
  gpu: Gpu,
  x: tf.Tensor,
  dy: tf.Tensor,
  layer: ConvLayer,
  norm?: Norm,
  choice: ConvChoice = gpu.choices.of(layer, "filter"),
): tf.Tensor {
  if (choice.method === "winograd") return winogradFilterGradient(gpu, x, dy, layer, choice, norm);
  if (choice.method === "tiled") return tiledFilterGradient(gpu, x, dy, layer, choice, norm);
  return tf.tidy(() => directFilterGradient(gpu, norm ? applyNorm(gpu, x, norm) : x, dy, layer, choice));
}
