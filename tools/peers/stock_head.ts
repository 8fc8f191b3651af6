import * as tf from "../../lib/deps/tfjs.ts";
import type { HeadStep } from "../../lib/head/head.ts";
import { plainSoftmax } from "../../lib/head/plain_softmax.ts";
import type { StockVariables } from "./stock_network.ts";

/** The dials of a center-bias head, which all sides share. */
export const HEAD_DIALS = { scale: 64, margin: 0.5, mM: 0.05, centerMomentum: 0.99 } as const;

/**
 * The center-bias head with tfjs's own operations, [batch, classes] tables and all: `weight` and `center` [classes, dim], `t` []. A
 * label is in a batch once at most.
 */
export function stockHead(
  variables: StockVariables,
  embeddings: tf.Tensor2D,
  labels: tf.Tensor1D,
): HeadStep {
  const { scale, margin, mM, centerMomentum: mu } = HEAD_DIALS;
  const [weight, center, t] = ["weight", "center", "t"].map((name) => variables.get(`head.${name}`)!);
  return plainSoftmax(embeddings, [weight as unknown as tf.Tensor2D], labels, {
    scale,
    kind: "angular",
    centers: [center],
    moveCenters: () => {
      const moved = tf.gather(center, labels).mul(mu).add(embeddings.mul(1 - mu));
      center.assign(tf.tensorScatterUpdate(center, labels.expandDims<tf.Tensor2D>(1), moved) as tf.Tensor2D);
    },
    decide: ({ targetCosines, hardness }) => {
      t.assign(t.mul(mu).add(targetCosines.mean().mul(1 - mu)));
      const { ofSamples, least, most, mean } = hardness!;
      const grown = t.mul(mM).div(most.sub(least));
      const marginOf = <T extends tf.Tensor>(hard: T) =>
        hard.sub(least).mul(grown).add(margin).clipByValue(margin, margin + mM) as T;
      return {
        ofSamples: marginOf(ofSamples),
        report: { t: t.asScalar(), mean: marginOf(mean), max: marginOf(most), min: marginOf(least) },
      };
    },
  });
}
