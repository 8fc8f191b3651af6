import { type Canvas, mix, scale } from "./canvas.ts";
import type { FaceIdentity } from "./identity.ts";
import type { Pose } from "./pose.ts";
import type { FaceSample } from "./sample.ts";
import { almond, both, box, ellipse, moved, outline, stroke } from "./shapes.ts";

/** Paints eyes and brows. */
export function drawEyes(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const { eyeWidth: w, irisSize } = who;
  const open = Math.max(0.06, 1 - how.blink - 0.18 * Math.max(0, how.smile));
  const above = who.eyeAbove * open, below = who.eyeBelow * (0.6 + 0.4 * open);
  const opening = almond(w, above, below);
  const bounds = [-w - 1, -10, w + 1, 9] as const;
  for (const side of [-1, 1]) {
    const frame = pose.at(side * who.eyeGap, who.eyeY, -side * who.eyeTilt);
    canvas.fill(frame, [-13, -11, 13, 11], ellipse(w * 1.1, 6.5), scale(who.skin, 0.6), who.socket, 5);
    canvas.fill(frame, bounds, opening, [0.93, 0.92, 0.9]);
    const gx = 1.4 * how.gazeX, gy = how.gazeY - 0.5;
    const iris = moved(ellipse(irisSize, irisSize), gx, gy);
    canvas.fill(frame, bounds, both(opening, iris), scale(who.iris, 0.6));
    canvas.fill(frame, bounds, both(opening, moved(ellipse(irisSize * 0.8, irisSize * 0.8), gx, gy)), who.iris);
    canvas.fill(frame, bounds, both(opening, moved(ellipse(irisSize * 0.45, irisSize * 0.45), gx, gy)), [
      0.03,
      0.03,
      0.04,
    ]);
    const glint = moved(ellipse(0.8, 0.8), gx + 1.2 * how.light[0], gy - 1.3);
    canvas.fill(frame, bounds, both(opening, glint), [1, 1, 1], 0.9);
    const lid = (x: number) => -above * (1 - (x / w) ** 2);
    canvas.fill(
      frame,
      bounds,
      stroke(w, lid, (x) => 0.25 + who.lidWeight * 0.6 * (1 - (x / w) ** 2)),
      [0.1, 0.06, 0.05],
      0.85,
      0.7,
    );
    canvas.fill(frame, bounds, stroke(w, (x) => lid(x) - 1.8, () => 0.3), scale(who.skin, 0.62), 0.5, 0.8);
    canvas.fill(
      frame,
      bounds,
      stroke(w * 0.9, (x) => below * (1 - (x / w) ** 2), () => 0.25),
      scale(who.skin, 0.55),
      0.5,
      0.7,
    );
    canvas.fill(
      pose.at(side * who.eyeGap, who.eyeY + 6),
      [-9, -3, 9, 3],
      ellipse(6, 0.9),
      scale(who.skin, 0.75),
      0.3 * who.folds,
      1.5,
    );

    const v = who.browWidth;
    const inward = (x: number) => (1 - side * x / v) / 2; // 1 at the nose, 0 at the temple
    const curve = (x: number) => -who.browArch * (1 - ((x - side * 2.5) / v) ** 2) + who.browTilt * side * x;
    const brow = stroke(v, curve, (x) => who.browWeight * (0.35 + 0.75 * inward(x)));
    const browFrame = pose.at(side * (who.eyeGap + 0.5), who.eyeY - who.browHeight - how.browRaise);
    canvas.fill(browFrame, [-v, -9, v, 7], brow, who.browColor, 0.9, 0.9);
  }
}

/** Paints glasses. */
export function drawGlasses(canvas: Canvas, who: FaceIdentity, pose: Pose): void {
  const { rimSize: size, rimSquare, rimColor } = who;
  const lens = box(size, size * (0.85 - 0.2 * rimSquare), size * (0.8 - 0.6 * rimSquare));
  for (const side of [-1, 1]) {
    const frame = pose.at(side * (who.eyeGap - 0.3), who.eyeY + 1.5, 0, 4);
    canvas.fill(frame, [-15, -14, 15, 14], lens, mix([1, 1, 1], who.skin, 0.4), 0.12);
    canvas.fill(frame, [-16, -15, 16, 15], outline(lens, 0.75), rimColor, 0.95);
    const arm = pose.at(side * (who.eyeGap + size + 5), who.eyeY - 1.5, 0, 2);
    canvas.fill(arm, [-8, -1, 8, 1], box(7, 0.7, 0.3), rimColor, 0.9);
  }
  const gap = Math.max(0.5, who.eyeGap - size);
  canvas.fill(
    pose.at(0, who.eyeY, 0, 6),
    [-8, -3, 8, 3],
    stroke(gap + 0.8, (x) => -1 + 0.1 * x * x, () => 0.7),
    rimColor,
    0.95,
  );
}
