import * as tf from "../deps/tfjs.ts";
import type { AskedPass } from "../gpu/conv_choices.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "./backbone.ts";

/**
 * The passes of convolutions that training steps of a backbone on `batch` images at once ask for, by the choices as they are. Nothing is
 * computed: neither weights nor running statistics change.
 */
export function askedPasses(gpu: Gpu, backbone: Backbone, batch: number): AskedPass[] {
  gpu.choices.forgetAsked();
  const { imageSize } = backbone.options;
  gpu.kernels.dryRun = true;
  // Else tfjs would compute with small tensors on the processor, and they have no values.
  const forward = tf.env().getBool("WEBGPU_CPU_FORWARD");
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  try {
    tf.tidy(() => {
      const images = tf.zeros<tf.Rank.R4>([batch, imageSize, imageSize, 4]);
      const variables = backbone.parameters.trainable().flatMap(({ parts }) => parts);
      tf.variableGrads(() => backbone.forward(images, true).sum().asScalar(), variables);
    });
  } finally {
    gpu.kernels.dryRun = false;
    tf.env().set("WEBGPU_CPU_FORWARD", forward);
  }
  return [...gpu.choices.asked.values()];
}
