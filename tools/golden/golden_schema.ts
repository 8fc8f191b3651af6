import * as z from "../../lib/deps/zod.ts";

/** Of golden files' numbers, what the checks read; more may be in them. */
const whole = z.int().min(0);
const size = z.int().min(1).max(2 ** 20);
const margins = { total_loss: z.number(), t: z.number(), m_mean: z.number(), m_max: z.number(), m_min: z.number() };

/** Some values of a tensor at flat indices, and the norm and sum of all of it. */
const sample = z.object({ index: z.array(whole), value: z.array(z.number()), l2: z.number(), sum: z.number() })
  .refine(({ index, value }) => index.length === value.length, "as many values as indices are expected");

const headSteps = z.array(z.object({
  ...margins,
  labels: z.array(whole),
  grad_embeddings: sample,
  grad_weight: sample,
  center: sample,
  weight_after: sample,
})).min(1);

/** A golden file like center_bias_head.json. */
export const headGolden = z.object({
  cases: z.array(
    z.object({
      dim: size,
      classes: size,
      batch: size,
      scale: z.number(),
      margin: z.number(),
      m_m: z.number(),
      momentum: z.number(),
      constant_t: z.boolean(),
      lr: z.number(),
      sgd_momentum: z.number(),
      weight_decay: z.number(),
      seeds: z.object({ weight: whole, center: whole, SEED: whole }),
      float64: headSteps,
      float32: headSteps,
    }).refine((c) => c.float32.length === c.float64.length, "as many float32 steps as float64 steps are expected"),
  ).min(1),
});

const numbers = z.object({
  eval_before: z.array(sample),
  steps: z.array(
    z.object({ ...margins, embedding: z.array(sample), grads: z.record(z.string(), sample).optional() }),
  ),
  after: z.record(z.string(), sample),
  eval_after: z.array(sample),
});

/** A golden file like iresnet18.json. */
export const backboneGolden = z.object({
  model: z.string(),
  batch: size,
  classes: size,
  lr: z.number(),
  momentum: z.number(),
  weight_decay: z.number(),
  head: z.object({
    scale: z.number(),
    margin: z.number(),
    m_m: z.number(),
    momentum: z.number(),
    weight_seed: whole,
    center_seed: whole,
    lo: z.number(),
    hi: z.number(),
  }),
  input: z.object({ shape: z.array(size).length(4), seed: whole, lo: z.number(), hi: z.number() }),
  labels: z.array(whole),
  parameters: z.array(
    z.object({ name: z.string(), shape: z.array(size), seed: whole, lo: z.number(), hi: z.number() }),
  ),
  float64: numbers,
  float32: numbers,
});

/** Numbers of the head, one precision. */
export type HeadGolden = z.infer<typeof headGolden>;
/** Numbers of a backbone with its head. */
export type BackboneGolden = z.infer<typeof backboneGolden>;
