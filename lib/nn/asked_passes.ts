import * as tf from "../deps/tfjs.ts";
import type { AskedPass } from "../gpu/conv_choices.ts";
import type { KernelSpec } from "../gpu/kernel_spec.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import type { Backbone } from "./backbone.ts";

/** A kernel, and the bytes of each of its bindings. */
export interface AskedKernel {
  /** The kernel. */
  readonly spec: KernelSpec;
  /** In the order of its bindings. */
  readonly bytes: readonly number[];
}

/**
 * The passes of convolutions that training steps of a backbone on `batch` images at once ask for, by the choices as they are. Nothing is
 * computed: neither weights nor running statistics change.
 */
export function askedPasses(gpu: Gpu, backbone: Backbone, batch: number): AskedPass[] {
  gpu.choices.forgetAsked();
  askedKernels(gpu, backbone, batch);
  return [...gpu.choices.asked.values()];
}

/** The kernels that forward and backward passes of a backbone on `batch` images at once run, each once. Nothing is computed. */
export function askedKernels(gpu: Gpu, backbone: Backbone, batch: number): AskedKernel[] {
  const { imageSize } = backbone.options;
  const kernels = new Map<string, AskedKernel>();
  gpu.kernels.dryRun = (spec, bytes) => kernels.set(spec.wgsl, { spec, bytes });
  // Else tfjs would compute with small tensors on the processor, and they have no values.
  const forward = tf.env().getBool("WEBGPU_CPU_FORWARD");
  tf.env().set("WEBGPU_CPU_FORWARD", false);
  try {
    tf.tidy(() => {
      const images = tf.zeros<tf.Rank.R4>([batch, imageSize, imageSize, 4]);
      const variables = backbone.parameters.trainable().map(({ variable }) => variable);
      tf.variableGrads(() => backbone.forward(images, true).sum().asScalar(), variables);
    });
  } finally {
    gpu.kernels.dryRun = undefined;
    tf.env().set("WEBGPU_CPU_FORWARD", forward);
  }
  return [...kernels.values()];
}
