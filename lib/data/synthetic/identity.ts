import { Random } from "../random.ts";
import { type Color, mix, scale } from "./canvas.ts";

/** How hair falls. */
export type HairStyle = "bald" | "crop" | "side" | "fringe" | "long" | "bob" | "curls" | "bun";

/** What makes a person: the same in all their pictures. Lengths are pixels of a 112-pixel crop, angles radians. */
export interface FaceIdentity {
  /** Half the head's width. */
  readonly halfWidth: number;
  /** From the middle of the face to the crown. */
  readonly top: number;
  /** From the middle of the face to the chin. */
  readonly chin: number;
  /** How square the jaw is: 2 an ellipse, 3.5 nearly a box. */
  readonly jaw: number;
  /** Share of the width lost at the chin. */
  readonly taper: number;
  /** Half the ears' height. */
  readonly earSize: number;
  /** How much lower than usual the ears are. */
  readonly earHeight: number;
  /** Skin in even light. */
  readonly skin: Color;
  /** Hair and beard. */
  readonly hair: Color;
  /** Brows. */
  readonly browColor: Color;
  /** The coloured part of the eye. */
  readonly iris: Color;
  /** Lips. */
  readonly lips: Color;
  /** Redness of the cheeks, 0 to 1. */
  readonly blush: number;
  /** From the middle line to each eye's middle. */
  readonly eyeGap: number;
  /** Height of the eyes. */
  readonly eyeY: number;
  /** Half an eye's width. */
  readonly eyeWidth: number;
  /** How far the upper lid arches. */
  readonly eyeAbove: number;
  /** How far the lower lid hangs. */
  readonly eyeBelow: number;
  /** How far the outer corners are raised. */
  readonly eyeTilt: number;
  /** Radius of the iris. */
  readonly irisSize: number;
  /** Darkness of the upper lashes. */
  readonly lidWeight: number;
  /** Depth of the shade around the eyes, 0 to 1. */
  readonly socket: number;
  /** From eye to brow. */
  readonly browHeight: number;
  /** Half a brow's width. */
  readonly browWidth: number;
  /** Half a brow's thickness. */
  readonly browWeight: number;
  /** How far the brow arches. */
  readonly browArch: number;
  /** How far its outer end sinks. */
  readonly browTilt: number;
  /** Height of the nose's base. */
  readonly noseY: number;
  /** Half the nose's width at the wings. */
  readonly noseWidth: number;
  /** Radius of the tip. */
  readonly noseTip: number;
  /** How sharp the bridge stands out, 0 to 1. */
  readonly bridge: number;
  /** Height of the mouth. */
  readonly mouthY: number;
  /** Half the mouth's width at rest. */
  readonly mouthWidth: number;
  /** Thickness of the upper lip. */
  readonly upperLip: number;
  /** Thickness of the lower lip. */
  readonly lowerLip: number;
  /** Depth of the upper lip's notch. */
  readonly bow: number;
  /** How far the corners are raised at rest. */
  readonly mouthBend: number;
  /** How the hair is worn. */
  readonly style: HairStyle;
  /** Height of the hair's edge over the forehead. */
  readonly hairline: number;
  /** How far the hair stands off the head. */
  readonly hairVolume: number;
  /** Where the hair is parted. */
  readonly parting: number;
  /** Density of the beard, 0 to 1. */
  readonly beard: number;
  /** Density of the moustache, 0 to 1. */
  readonly mustache: number;
  /** Moles: x, y, radius. */
  readonly moles: readonly (readonly [number, number, number])[];
  /** Strength of freckles, 0 to 1. */
  readonly freckles: number;
  /** Depth of folds, 0 to 1. */
  readonly folds: number;
  /** Share of pictures with glasses. */
  readonly glasses: number;
  /** Colour of the glasses' rims. */
  readonly rimColor: Color;
  /** Half a lens's width. */
  readonly rimSize: number;
  /** 0 round lenses, 1 square ones. */
  readonly rimSquare: number;
}

/** Names the streams of people among those of a seed. */
const STREAM = 0xface;

const STYLES: readonly HairStyle[] = [
  "bald",
  "crop",
  "crop",
  "side",
  "side",
  "fringe",
  "long",
  "long",
  "bob",
  "curls",
  "bun",
];
const HAIR: readonly Color[] = [
  [0.06, 0.05, 0.05],
  [0.13, 0.09, 0.07],
  [0.30, 0.19, 0.11],
  [0.45, 0.30, 0.17],
  [0.80, 0.65, 0.40],
  [0.58, 0.25, 0.11],
  [0.66, 0.65, 0.64],
];
const IRIS: readonly Color[] = [[0.20, 0.11, 0.06], [0.36, 0.22, 0.10], [0.30, 0.42, 0.24], [0.25, 0.42, 0.62], [
  0.45,
  0.50,
  0.53,
]];

/** The person with this number. Any two numbers are two people. */
export function drawIdentity(seed: number, identity: number): FaceIdentity {
  const random = new Random(seed, STREAM, identity);
  const around = (middle: number, spread: number) => middle + spread * random.bell();
  const positive = (middle: number, spread: number, least: number) => Math.max(least, around(middle, spread));
  const pick = <T>(list: readonly T[]): T => list[random.below(list.length)];

  const melanin = random.unit() ** 1.3;
  const skin = mix(mix([0.97, 0.82, 0.72], [0.42, 0.27, 0.19], melanin), [0.86, 0.55, 0.42], random.range(0, 0.25));
  const dark = melanin > 0.55;
  const hair = scale(
    mix(pick(dark ? HAIR.slice(0, 3) : HAIR), pick(HAIR), random.range(0, 0.3)),
    random.range(0.8, 1.2),
  );
  const masculine = random.chance(0.5);
  const style = pick(STYLES.filter((name) => masculine ? !["bun", "bob"].includes(name) : !["bald"].includes(name)));
  const bearded = masculine ? random.unit() : 0;
  return {
    halfWidth: around(40, 2.8),
    top: around(51, 3),
    chin: around(46, 3.2),
    jaw: positive(masculine ? 2.5 : 2.2, 0.3, 1.7),
    taper: positive(masculine ? 0.1 : 0.2, 0.06, 0),
    earSize: positive(9, 1.6, 5),
    earHeight: around(0, 3),
    skin,
    hair,
    browColor: mix(hair, [0.12, 0.08, 0.06], random.range(0.2, 0.8)),
    iris: dark ? IRIS[random.below(2)] : mix(pick(IRIS), pick(IRIS), random.range(0, 0.4)),
    lips: mix(
      scale(skin, 0.8),
      mix([0.75, 0.28, 0.30], [0.45, 0.15, 0.20], random.unit()),
      random.range(0.25, masculine ? 0.5 : 0.9),
    ),
    blush: random.range(0, 0.35),
    eyeGap: around(17.8, 1.5),
    eyeY: around(-8, 1.5),
    eyeWidth: around(8.8, 0.9),
    eyeAbove: positive(4.2, 0.9, 2),
    eyeBelow: positive(3.0, 0.6, 1.5),
    eyeTilt: around(0.03, 0.09),
    irisSize: around(4.2, 0.35),
    lidWeight: random.range(0.3, masculine ? 0.9 : 1.5),
    socket: random.range(0, 0.4),
    browHeight: around(10.2, 1.7),
    browWidth: around(11.5, 1.2),
    browWeight: positive(masculine ? 1.9 : 1.3, 0.5, 0.5),
    browArch: around(2.2, 1.4),
    browTilt: around(0, 0.12),
    noseY: around(13.5, 2.4),
    noseWidth: positive(7.2, 1.4, 4),
    noseTip: positive(4.2, 0.8, 2.5),
    bridge: random.range(0.1, 0.9),
    mouthY: around(27.5, 2.2),
    mouthWidth: around(13.2, 1.7),
    upperLip: positive(2.3, 0.8, 0.7),
    lowerLip: positive(3.2, 0.9, 1),
    bow: random.range(0, 1.4),
    mouthBend: around(0.3, 0.9),
    style,
    hairline: around(-30, 3.6),
    hairVolume: positive(6, 2, 2),
    parting: around(0, 12),
    beard: bearded > 0.72 ? random.range(0.35, 0.95) : 0,
    mustache: bearded > 0.62 && random.chance(0.7) ? random.range(0.4, 1) : 0,
    moles: Array.from({ length: random.chance(0.35) ? 1 + random.below(2) : 0 }, () => [
      random.range(-26, 26),
      random.range(-2, 34),
      random.range(0.8, 1.5),
    ]),
    freckles: melanin < 0.3 && random.chance(0.3) ? random.range(0.2, 0.5) : 0,
    folds: random.unit() ** 2,
    glasses: random.chance(0.22) ? 0.85 : 0.04,
    rimColor: pick([[0.08, 0.08, 0.09], [0.35, 0.2, 0.1], [0.6, 0.55, 0.45], [0.5, 0.1, 0.12]] as const),
    rimSize: random.range(10.5, 13.5),
    rimSquare: random.unit(),
  };
}
