import type { Random } from "../random.ts";
import { type Canvas, mix, scale } from "./canvas.ts";
import type { FaceIdentity } from "./identity.ts";
import type { Pose } from "./pose.ts";
import type { FaceSample } from "./sample.ts";
import { box, ellipse } from "./shapes.ts";

/** Paints what is behind the person: a slope of two colours with a few blurred things in it. */
export function drawSurroundings(canvas: Canvas, how: FaceSample, random: Random): void {
  const { size, pixels } = canvas;
  const tilt = random.range(-1, 1);
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at += 3) {
      const share = Math.min(1, Math.max(0, (y + tilt * (x - size / 2)) / size));
      for (let c = 0; c < 3; c++) pixels[at + c] = how.backTop[c] + (how.backBottom[c] - how.backTop[c]) * share;
    }
  }
  const unit = size / 112;
  const things = random.below(4);
  for (let i = 0; i < things; i++) {
    const frame = {
      ox: random.range(0, size),
      oy: random.range(0, size),
      ax: unit,
      ay: random.range(-0.6, 0.6) * unit,
      bx: random.range(-0.6, 0.6) * unit,
      by: unit,
    };
    const a = random.range(6, 40), b = random.range(6, 40);
    const color = mix(how.backTop, [random.unit(), random.unit(), random.unit()], random.range(0.1, 0.6));
    const shape = random.chance(0.5) ? ellipse(a, b) : box(a, b, 3);
    canvas.fill(frame, [-a, -b, a, b], shape, color, random.range(0.2, 0.8), random.range(0, 6));
  }
}

/** Paints what is in front of the face, where there is something. */
export function drawOcclusion(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const { occlusionPlace: place, occlusionColor: color } = how;
  switch (how.occlusion) {
    case "none":
      return;
    case "hand": {
      const skin = scale(who.skin, 0.95);
      const side = place < 0 ? -1 : 1;
      for (let finger = 0; finger < 3; finger++) {
        const frame = pose.at(side * (26 - 3 * finger), 26 + 7 * finger + 6 * place, side * -0.5, 5);
        canvas.fill(frame, [-18, -5, 18, 5], box(15, 3.4, 3.2), mix(skin, [0.5, 0.25, 0.2], 0.12 * finger), 1, 0.8);
      }
      return;
    }
    case "bar": {
      const frame = pose.at(place * 30, 0, place * 1.2, 8);
      canvas.fill(frame, [-5, -90, 5, 90], box(4.5, 90, 1), color, 1);
      return;
    }
    case "shades":
      for (const side of [-1, 1]) {
        canvas.fill(pose.at(side * who.eyeGap, who.eyeY + 1, 0, 4), [-14, -11, 14, 11], box(12.5, 9, 5), [
          0.07,
          0.07,
          0.09,
        ], 0.96);
      }
      canvas.fill(pose.at(0, who.eyeY - 3, 0, 5), [-30, -2, 30, 2], box(30, 1.2, 0.5), [0.07, 0.07, 0.09]);
      return;
    case "scarf": {
      const height = who.mouthY - 4 + 5 * place;
      canvas.fill(pose.outline(), [-60, 0, 60, 80], (x, y) => height + 0.006 * x * x - y, color);
    }
  }
}
