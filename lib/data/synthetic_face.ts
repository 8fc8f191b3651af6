import { drawFace } from "./synthetic/draw_face.ts";
import { drawIdentity } from "./synthetic/identity.ts";
import { drawSample } from "./synthetic/sample.ts";

/** Which synthetic picture. */
export interface SyntheticFaceOptions {
  /** The person's number. */
  readonly identity: number;
  /** The number of the person's picture. */
  readonly sample: number;
  /**
   * Seed of all people.
   *
   * @default 0
   */
  readonly seed?: number;
  /**
   * Pixels a side.
   *
   * @default 112
   */
  readonly imageSize?: number;
  /**
   * How much a person's pictures differ, from 0 (only in surroundings) to 1.
   *
   * @default 1
   */
  readonly variation?: number;
}

/**
 * Draws a face: the same numbers always give the same picture.
 *
 * A person fixes geometry and colours (head, eyes, brows, nose, mouth, hair, skin, marks); a picture varies pose, light,
 * expression, occlusion, surroundings, blur and noise, as an aligned crop of a photograph does.
 *
 * @returns [imageSize, imageSize, 3] RGB.
 * @example
 * ```ts
 * import { syntheticFace } from "./synthetic_face.ts";
 *
 * const pixels = syntheticFace({ identity: 3, sample: 0 });
 * console.assert(pixels.length === 112 * 112 * 3);
 * ```
 */
export function syntheticFace(options: SyntheticFaceOptions): Uint8Array {
  const { identity, sample, seed = 0, imageSize = 112, variation = 1 } = options;
  const canvas = drawFace(drawIdentity(seed, identity), drawSample(seed, identity, sample, variation), imageSize);
  const pixels = new Uint8ClampedArray(canvas.pixels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = canvas.pixels[i] * 255; // rounds and clamps
  return new Uint8Array(pixels.buffer);
}
