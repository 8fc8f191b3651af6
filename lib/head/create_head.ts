import { InputError } from "../errors.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { centerBiasHead, type CenterBiasOptions } from "./center_bias.ts";
import { arcFaceHead, cosFaceHead } from "./fixed_margin.ts";
import type { Head } from "./head.ts";

/** Every head by name; each takes the options it knows and leaves the others. */
const MAKERS: Readonly<Record<string, (gpu: Gpu, options: HeadOptions) => Head>> = {
  center_bias: centerBiasHead,
  arcface: arcFaceHead,
  cosface: cosFaceHead,
};

/** Names of the heads. */
export const HEADS: readonly string[] = Object.keys(MAKERS);

/** The dials of all heads; only the center-bias head uses more than scale, margin and seed. */
export type HeadOptions = CenterBiasOptions;

/**
 * Makes a head with fresh class weights.
 *
 * @throws {InputError} if the name is not one of {@linkcode HEADS} or a dial is out of range.
 */
export function createHead(gpu: Gpu, name: string, options: HeadOptions): Head {
  const refuse = (what: string, found: unknown) => {
    throw new InputError(`Cannot make head ${name}: expected ${what}, found ${found}`);
  };
  if (!Object.hasOwn(MAKERS, name)) {
    throw new InputError(`Cannot make head: expected one of ${HEADS.join(", ")}, found ${name}`);
  }
  const { classes, embeddingSize, scale = 64, margin, mM = 0, centerMomentum = 0.99 } = options;
  if (!(Number.isInteger(classes) && classes >= 1)) refuse("at least one class", classes);
  if (!(Number.isInteger(embeddingSize) && embeddingSize >= 1)) {
    refuse("an embedding size of at least 1", embeddingSize);
  }
  if (!(scale > 0 && Number.isFinite(scale))) refuse("a scale over 0", scale);
  if (margin !== undefined && !(margin >= 0 && margin < Math.PI)) refuse("a margin from 0 to under pi", margin);
  if (!(mM >= 0 && (margin ?? 0.5) + mM < Math.PI)) refuse("m_m of at least 0, and margin + m_m under pi", mM);
  if (!(centerMomentum >= 0 && centerMomentum < 1)) refuse("a center momentum from 0 to under 1", centerMomentum);
  return MAKERS[name](gpu, options);
}
