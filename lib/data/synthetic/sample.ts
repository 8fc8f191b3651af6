import { Random } from "../random.ts";
import { type Color, mix } from "./canvas.ts";

/** What differs between two pictures of a person. Lengths are pixels of a 112-pixel crop, angles radians. */
export interface FaceSample {
  /** Pose. */
  readonly shiftX: number;
  readonly shiftY: number;
  readonly roll: number;
  readonly zoom: number;
  readonly yaw: number;
  readonly pitch: number;
  /** Expression, 0 at rest. */
  readonly smile: number;
  readonly open: number;
  readonly blink: number;
  readonly browRaise: number;
  readonly gazeX: number;
  readonly gazeY: number;
  /** Light: where it comes from (unit vector to it), how strong beside the even part, its colour, exposure. */
  readonly light: readonly [number, number, number];
  readonly directed: number;
  readonly tint: Color;
  readonly exposure: number;
  readonly contrast: number;
  readonly saturation: number;
  /** Surroundings. */
  readonly backTop: Color;
  readonly backBottom: Color;
  readonly clothes: Color;
  /** What hides a part of the face. */
  readonly occlusion: "none" | "hand" | "bar" | "shades" | "scarf";
  readonly occlusionPlace: number;
  readonly occlusionColor: Color;
  /** Decides glasses against the person's share of pictures with them. */
  readonly glassesDraw: number;
  /** Hair does not fall the same way twice. */
  readonly hairShift: number;
  /** The camera: radius of the blur in pixels, standard deviation of the noise in grey levels of 255. */
  readonly blur: number;
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
