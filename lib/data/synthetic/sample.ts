import { Random } from "../random.ts";
import { type Color, mix } from "./canvas.ts";

/** What differs between two pictures of a person. Lengths are pixels of a 112-pixel crop, angles radians. */
export interface FaceSample {
  /** The crop's error to the right. */
  readonly shiftX: number;
  /** The crop's error downwards. */
  readonly shiftY: number;
  /** Turn within the picture. */
  readonly roll: number;
  /** The crop's error in size. */
  readonly zoom: number;
  /** Turn to the side. */
  readonly yaw: number;
  /** Nod. */
  readonly pitch: number;
  /** Smile, from about -0.7 to 1. */
  readonly smile: number;
  /** How far the mouth is open, 0 to 1. */
  readonly open: number;
  /** How far the eyes are shut, 0 to 1. */
  readonly blink: number;
  /** How far the brows are raised. */
  readonly browRaise: number;
  /** Look to the side. */
  readonly gazeX: number;
  /** Look up or down. */
  readonly gazeY: number;
  /** Where light comes from: a unit vector towards it; z out of the picture. */
  readonly light: readonly [number, number, number];
  /** Share of the light that has a direction. */
  readonly directed: number;
  /** Colour of the light. */
  readonly tint: Color;
  /** Brightness of the picture. */
  readonly exposure: number;
  /** Contrast of the picture. */
  readonly contrast: number;
  /** Strength of its colours; 0 is grey. */
  readonly saturation: number;
  /** Background, one end. */
  readonly backTop: Color;
  /** Background, other end. */
  readonly backBottom: Color;
  /** Clothes. */
  readonly clothes: Color;
  /** What hides a part of the face. */
  readonly occlusion: "none" | "hand" | "bar" | "shades" | "scarf";
  /** Where, from -1 to 1. */
  readonly occlusionPlace: number;
  /** Its colour. */
  readonly occlusionColor: Color;
  /** Below the person's share: with glasses. */
  readonly glassesDraw: number;
  /** Hair does not fall the same way twice. */
  readonly hairShift: number;
  /** Standard deviation of the blur. */
  readonly blur: number;
  /** Standard deviation of the noise in grey levels of 255. */
  readonly noise: number;
  /** Seed of details that need many numbers. */
  readonly detail: number;
}

/** Names the streams of pictures among those of a seed. */
const STREAM = 0x5a3b1e5;

/**
 * A person's picture with this number.
 *
 * @param variation How much pictures of a person differ: 1 as described, 0 only in surroundings.
 */
export function drawSample(seed: number, identity: number, sample: number, variation = 1): FaceSample {
  const random = new Random(seed, STREAM, identity, sample);
  const spread = (width: number) => variation * width * random.bell();
  const often = (probability: number) => random.unit() < variation * probability;
  const color = (): Color => { // mostly muted, as rooms and streets are
    const grey = random.range(0.08, 0.92), vivid = random.unit() ** 2;
    return mix([grey, grey, grey], [random.unit(), random.unit(), random.unit()], vivid);
  };
  const angle = spread(0.9), height = random.range(-0.2, 0.9);
  const length = Math.hypot(Math.sin(angle), height, Math.cos(angle));
  const warm = spread(0.06);
  const hidden = random.unit() / Math.max(variation, 1e-9);
  return {
    shiftX: spread(1.9),
    shiftY: spread(1.9),
    roll: spread(0.075),
    zoom: 1 + spread(0.045),
    yaw: spread(0.24),
    pitch: spread(0.12),
    smile: often(0.5) ? random.range(0.2, 1) : spread(0.2),
    open: often(0.3) ? random.range(0.2, 1) : 0,
    blink: often(0.05) ? 0.9 : variation * random.range(0, 0.3),
    browRaise: spread(1.1),
    gazeX: spread(0.9),
    gazeY: spread(0.5),
    light: [Math.sin(angle) / length, -height / length, Math.cos(angle) / length],
    directed: 0.3 + variation * random.range(-0.15, 0.55),
    tint: [1 + warm, 1, 1 - warm],
    exposure: Math.exp(spread(0.2)),
    contrast: 1 + spread(0.12),
    saturation: often(0.05) ? 0 : 1 + spread(0.15),
    backTop: color(),
    backBottom: color(),
    clothes: color(),
    occlusion: hidden < 0.03
      ? "shades"
      : hidden < 0.06
      ? "scarf"
      : hidden < 0.1
      ? "hand"
      : hidden < 0.13
      ? "bar"
      : "none",
    occlusionPlace: random.range(-1, 1),
    occlusionColor: color(),
    glassesDraw: random.unit(),
    hairShift: spread(1.6),
    blur: often(0.4) ? random.range(0.3, 1.3) : 0,
    noise: variation * random.range(1, 7),
    detail: random.next(),
  };
}
