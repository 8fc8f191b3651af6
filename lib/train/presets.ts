import { InputError } from "../errors.ts";
import type { TrainOptions } from "./options.ts";
import { nearestName } from "./option_table.ts";

/** The published recipe (the seed's training script): 25 epochs, batch 512, lr 0.1 divided by ten after 8, 16 and 22. */
const RECIPE: Partial<TrainOptions> = {
  model: "iresnet18",
  imageSize: 112,
  width: 1,
  embeddingSize: 512,
  headType: "center_bias",
  scale: 64,
  margin: 0.4,
  mM: 0.2,
  centerMomentum: 0.99,
  batchSize: 512,
  lr: 0.1,
  momentum: 0.9,
  weightDecay: 5e-4,
  schedule: "multistep",
  endEpoch: 25,
  lrMilestones: [8, 16, 22],
  gamma: 0.1,
};

/** The synthetic faces that `demo` trains and validates on. */
export const DEMO_FACES = {
  /** People in the training set. */
  people: 100,
  /** Images of each. */
  imagesPerPerson: 16,
  /** Other people, whom the verification pairs show. */
  verificationPeople: 40,
  /** Verification pairs, half of them of one person. */
  pairs: 400,
  /** Height and width of the images, in pixels. */
  imageSize: 112,
  /** How much a person's images differ, from 0 to 1. */
  variation: 0.7,
  /** Fixes every face. */
  seed: 7,
} as const;

/** What fits a small machine without a GPU: a narrow network on small images. Its data is made on the spot. */
const DEMO: Partial<TrainOptions> = {
  model: "iresnet18",
  imageSize: 32,
  width: 0.25,
  embeddingSize: 128,
  batchSize: 32,
  lr: 0.05,
  scale: 32,
  margin: 0.2,
  mM: 0.1,
  endEpoch: 7,
  lrMilestones: [5, 6],
  logEvery: 5,
  valFirst: true,
  prefix: "demo",
};

/** A preset's name. */
export type PresetName = "demo" | "ms1mv2" | "ms1mv3";

/** Options by name: `ms1mv2` and `ms1mv3` are the published runs, `demo` is what runs when no data is given. */
export const PRESETS: Readonly<Record<PresetName, Partial<TrainOptions>>> = {
  demo: DEMO,
  ms1mv2: { ...RECIPE, prefix: "ms1mv2" },
  ms1mv3: { ...RECIPE, prefix: "ms1mv3" },
};

/**
 * The options of a preset.
 *
 * @throws {InputError} if there is none of this name.
 *
 * @example
 * ```ts
 * import { presetOptions } from "./presets.ts";
 *
 * console.assert(presetOptions("ms1mv2").batchSize === 512);
 * ```
 */
export function presetOptions(name: string): Partial<TrainOptions> {
  if (Object.hasOwn(PRESETS, name)) return PRESETS[name as PresetName];
  const nearest = nearestName(name, Object.keys(PRESETS));
  throw new InputError(
    `Cannot use preset "${name}": expected one of ${Object.keys(PRESETS).join(", ")}${
      nearest ? `; did you mean ${nearest}?` : ""
    }`,
  );
}
