import * as tf from "../deps/tfjs.ts";
import type { AskedPass } from "../gpu/conv_choices.ts";
import { onPaper } from "../gpu/paper_device.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { type Backbone, createBackbone } from "./backbone.ts";

/** The passes of convolutions that training steps of a backbone on `batch` images at once ask for, by the choices as they are. */
export function askedPasses(gpu: Gpu, { name, options }: Backbone, batch: number): AskedPass[] {
  gpu.choices.forgetAsked();
  const { imageSize } = options;
  onPaper(gpu, (paper) => {
    const backbone = createBackbone(paper, name, options);
    tf.tidy(() => {
      const images = paper.kernels.empty([batch, imageSize, imageSize, 4]) as tf.Tensor4D;
      const variables = backbone.parameters.trainable().flatMap(({ parts }) => parts);
      tf.variableGrads(() => backbone.forward(images, true).sum().asScalar(), variables);
    });
    backbone.dispose();
  });
  return [...gpu.choices.asked.values()];
}
