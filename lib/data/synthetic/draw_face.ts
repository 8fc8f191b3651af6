import { Random } from "../random.ts";
import { Canvas, mix, scale } from "./canvas.ts";
import { drawBackHair, drawFrontHair } from "./draw_hair.ts";
import { drawEyes, drawGlasses } from "./draw_eyes.ts";
import { drawOcclusion, drawSurroundings } from "./draw_surroundings.ts";
import type { FaceIdentity } from "./identity.ts";
import { applyLight } from "./light.ts";
import { Pose } from "./pose.ts";
import type { FaceSample } from "./sample.ts";
import { band, box, ellipse, head, stroke } from "./shapes.ts";

/** Paints a person as one picture shows them: from the background to the front, then light and camera. */
export function drawFace(who: FaceIdentity, how: FaceSample, size: number): Canvas {
  const canvas = new Canvas(size);
  const pose = new Pose(how, size);
  const random = new Random(how.detail);
  drawSurroundings(canvas, how, random);
  drawBackHair(canvas, who, how, pose);
  drawBody(canvas, who, how, pose);
  drawHead(canvas, who, how, pose);
  drawMarks(canvas, who, pose);
  drawMouth(canvas, who, how, pose);
  drawBeard(canvas, who, how, pose);
  drawNose(canvas, who, pose);
  drawEyes(canvas, who, how, pose);
  drawFrontHair(canvas, who, how, pose);
  if (how.glassesDraw < who.glasses) drawGlasses(canvas, who, pose);
  drawOcclusion(canvas, who, how, pose);
  applyLight(canvas, who, how, pose, random);
  return canvas;
}

function drawBody(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const body = pose.body();
  canvas.fill(body, [-70, 48, 70, 90], (x, y) => Math.abs(x) * 0.35 + 50 - y, how.clothes);
  canvas.fill(
    body,
    [-30, 20, 30, 75],
    (x, y) => Math.max(Math.abs(x) - who.halfWidth * 0.55 - Math.max(0, y - 52), y - 66),
    scale(who.skin, 0.72),
  );
}

function drawHead(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const frame = pose.outline();
  for (const side of [-1, 1]) {
    const x = side * (who.halfWidth - 1) - 10 * Math.sin(how.yaw);
    const ear = ellipse(who.earSize * 0.55, who.earSize);
    const y = who.eyeY + 8 + who.earHeight;
    canvas.fill(frame, [x - 12, y - 18, x + 12, y + 18], (u, v) => ear(u - x, v - y), scale(who.skin, 0.86));
  }
  const { halfWidth, top, chin, jaw, taper } = who;
  const drop = how.open * 2.5; // the jaw moves
  canvas.fill(
    frame,
    [-halfWidth, -top, halfWidth, chin + drop],
    head(halfWidth, top, chin + drop, jaw, taper),
    who.skin,
  );
  const blush = mix(who.skin, [0.85, 0.3, 0.28], 0.5);
  for (const side of [-1, 1]) {
    canvas.fill(pose.at(side * 22, 12), [-11, -9, 11, 9], ellipse(8, 6), blush, who.blush, 7);
    // The fold from nose to mouth, deeper with a smile.
    const fold = stroke(8, (x) => x * x * 0.03 * side, () => 0.35);
    canvas.fill(
      pose.at(side * 13, 20, side * 1.05),
      [-8, -4, 8, 4],
      fold,
      scale(who.skin, 0.7),
      0.25 * who.folds + 0.3 * Math.max(0, how.smile),
      1,
    );
  }
}

function drawMarks(canvas: Canvas, who: FaceIdentity, pose: Pose): void {
  for (const [x, y, radius] of who.moles) {
    canvas.fill(pose.at(x, y), [-3, -3, 3, 3], ellipse(radius, radius), scale(who.skin, 0.4), 0.9);
  }
  if (who.freckles > 0) {
    const places = new Random(Math.round(who.freckles * 1e6));
    for (let i = 0; i < 26; i++) {
      const frame = pose.at(places.range(-25, 25), places.range(1, 16));
      canvas.fill(frame, [-2, -2, 2, 2], ellipse(0.7, 0.6), [0.55, 0.32, 0.2], who.freckles);
    }
  }
}

function drawNose(canvas: Canvas, who: FaceIdentity, pose: Pose): void {
  const { noseY, noseWidth, noseTip, bridge, skin } = who;
  const shade = scale(skin, 0.68), shine = mix(skin, [1, 1, 1], 0.3);
  for (const side of [-1, 1]) {
    const line = stroke(8, (x) => side * 0.02 * x * x, (x) => 0.5 + 0.05 * x);
    canvas.fill(
      pose.at(side * (noseTip * 0.75), noseY - 12, Math.PI / 2 - side * 0.12, 3),
      [-9, -5, 9, 5],
      line,
      shade,
      0.5 * bridge,
      1.5,
    );
    canvas.fill(
      pose.at(side * noseWidth * 0.8, noseY - 0.5, 0, 6),
      [-5, -5, 5, 5],
      ellipse(noseWidth * 0.34, 2.6),
      shade,
      0.45,
      1.2,
    );
    canvas.fill(
      pose.at(side * noseWidth * 0.45, noseY + 1.4, side * 0.3, 7),
      [-4, -3, 4, 3],
      ellipse(noseWidth * 0.23, 1.1),
      scale(skin, 0.28),
      0.85,
      0.6,
    );
  }
  canvas.fill(pose.at(0, noseY - 3, 0, 9), [-6, -6, 6, 6], ellipse(noseTip * 0.8, noseTip * 0.7), shine, 0.5, 3);
  canvas.fill(pose.at(0, noseY - 12, 0, 6), [-3, -12, 3, 12], ellipse(1.3, 9), shine, 0.3 * bridge, 2);
  canvas.fill(
    pose.at(0, noseY + 3.2, 0, 4),
    [-8, -3, 8, 3],
    band(noseWidth * 0.7, () => -0.8, () => 0.8),
    shade,
    0.35,
    1.4,
  );
}

function drawMouth(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const smile = how.smile;
  const w = who.mouthWidth * (1 + 0.16 * smile - 0.12 * how.open);
  const frame = pose.at(0, who.mouthY, 0, 1.5);
  const rise = who.mouthBend + 3.6 * smile; // corners go up
  const rest = (x: number) => -rise * (x / w) ** 2;
  const gap = 3.4 * how.open + Math.max(0, smile - 0.6) * 3;
  const arch = (x: number) => Math.max(0, 1 - (x / w) ** 2);
  const thin = 1 - 0.25 * Math.max(0, smile);
  const upper = (x: number) => who.upperLip * thin * (arch(x) - 0.25 * who.bow * Math.exp(-((x / (0.14 * w)) ** 2)));
  const lower = (x: number) => who.lowerLip * thin * arch(x) ** 0.7;
  const bounds = [-w, -9, w, 14] as const;
  if (gap > 0.3) {
    const opening = (x: number) => gap * arch(x);
    const hole = band(w * 0.94, (x) => rest(x) - opening(x) * 0.35, (x) => rest(x) + opening(x) * 0.8);
    canvas.fill(frame, bounds, hole, [0.25, 0.07, 0.07]);
    const teeth = band(w * 0.8, (x) => rest(x) - opening(x) * 0.35, (x) => rest(x) + opening(x) * 0.25);
    canvas.fill(frame, bounds, teeth, [0.93, 0.91, 0.87]);
  }
  const up = (x: number) => rest(x) - gap * arch(x) * 0.35, down = (x: number) => rest(x) + gap * arch(x) * 0.8;
  canvas.fill(frame, bounds, band(w, (x) => up(x) - upper(x), up), scale(who.lips, 0.9), 1, 0.5);
  canvas.fill(frame, bounds, band(w * 0.96, down, (x) => down(x) + lower(x)), who.lips, 1, 0.5);
  canvas.fill(frame, bounds, stroke(w, up, (x) => 0.55 * arch(x) + 0.15), scale(who.lips, 0.45), 0.8, 0.6);
  const below = who.lowerLip + gap + 3;
  canvas.fill(
    pose.at(0, who.mouthY + below, 0, 1),
    [-9, -4, 9, 4],
    ellipse(w * 0.45, 1.6),
    scale(who.skin, 0.7),
    0.3,
    2,
  );
}

function drawBeard(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  if (who.mustache > 0) {
    const w = who.mouthWidth * 1.02;
    const shape = band(w, (x) => -2.2 + 2.2 * (x / w) ** 2, (x) => 1.7 + 1.2 * (x / w) ** 2);
    canvas.fill(pose.at(0, who.mouthY - 5, 0, 2.5), [-w, -5, w, 5], shape, who.hair, who.mustache, 1.2);
  }
  if (who.beard > 0) {
    const drop = how.open * 2.5;
    const outer = head(who.halfWidth + 0.5, who.top, who.chin + 2 + drop, who.jaw, who.taper);
    const cheek = (x: number) => who.mouthY - 8 - (x / 13) ** 2 * 2.2;
    const clear = box(who.mouthWidth * 0.95, 4.2 + how.open * 3, 3.5);
    const middle = -6 * Math.sin(how.yaw);
    const shape = (x: number, y: number) =>
      Math.max(outer(x, y), cheek(x + middle) - y, -clear(x + middle, y - who.mouthY - 0.5));
    canvas.fill(pose.outline(), [-50, 0, 50, who.chin + 6], shape, who.hair, who.beard, 1.8);
  }
}
