import { type Canvas, mix, scale, type Shape } from "./canvas.ts";
import type { FaceIdentity } from "./identity.ts";
import type { Pose } from "./pose.ts";
import type { FaceSample } from "./sample.ts";
import { box, ellipse, head, moved, without } from "./shapes.ts";

/** Paints the hair that hangs behind the head. */
export function drawBackHair(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const { style, halfWidth, top, hairVolume } = who;
  const frame = pose.outline();
  const color = scale(who.hair, 0.75);
  const w = halfWidth + hairVolume;
  if (style === "long") {
    canvas.fill(frame, [-w - 6, -top, w + 6, 70], moved(box(w + 1, 62, 28), how.hairShift, 12), color);
  }
  if (style === "bob") {
    canvas.fill(frame, [-w - 6, -top, w + 6, 44], moved(box(w + 2, 44, 26), how.hairShift * 0.5, -4), color);
  }
  if (style === "curls") {
    const mass = ellipse(w + 5, top + hairVolume);
    const shape: Shape = (x, y) => mass(x, y + 8) + 1.5 * Math.sin(x * 0.55) * Math.sin(y * 0.55 + 1);
    canvas.fill(frame, [-w - 9, -top - 20, w + 9, top], shape, color);
  }
  if (style === "bun") canvas.fill(frame, [-20, -top - 18, 20, -top + 12], moved(ellipse(14, 11), 0, -top - 2), color);
}

/** Paints the hair that falls over the forehead and along the temples. */
export function drawFrontHair(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const { style, halfWidth, top, chin, hairline, hairVolume, parting } = who;
  if (style === "bald") return;
  const frame = pose.outline();
  const turn = -9 * Math.sin(how.yaw);
  const volume = style === "crop" ? hairVolume * 0.4 : hairVolume;
  const cap = ellipse(halfWidth + volume * 0.6, top + volume);
  const part = parting + how.hairShift;
  // The lower edge of the hair as a height over x; what lies above it within the cap is hair.
  const edges: Record<Exclude<typeof style, "bald">, (x: number) => number> = {
    crop: (x) => hairline + 0.011 * x * x,
    side: (x) => hairline - 3 + 0.16 * Math.abs(x - part) + 0.008 * x * x + (x < part ? 0 : 4),
    fringe: (x) => hairline + 9 + 0.8 * Math.sin(0.7 * x + part) + 0.009 * x * x,
    long: (x) => hairline - 6 + 0.55 * Math.abs(x - part) + 0.006 * x * x,
    bob: (x) => hairline + 7 + 0.2 * Math.abs(x - part) + 0.012 * x * x,
    curls: (x) => hairline + 1 + 1.6 * Math.sin(0.6 * x + part) + 0.012 * x * x,
    bun: (x) => hairline - 3 + 0.012 * x * x,
  };
  const edge = edges[style];
  const sides = style === "long" || style === "bob" ? 30 : style === "curls" ? 14 : 2 + hairVolume * 0.5;
  const shape: Shape = (x, y) => Math.max(cap(x, y), y - Math.min(edge(x - turn), sides));
  const bounds = [-halfWidth - 12, -top - 14, halfWidth + 12, chin] as const;
  canvas.fill(frame, bounds, shape, who.hair, 1, 0.8);
  // Strands: a lighter band where light falls on the crown, darker roots at the edge.
  const shine = mix(who.hair, [1, 0.97, 0.9], 0.22);
  const crown = moved(ellipse(halfWidth * 0.55, 4.5), part * 0.4 + 6 * how.light[0], -top + 7);
  canvas.fill(frame, bounds, (x, y) => Math.max(shape(x, y), crown(x, y)), shine, 0.6, 4);
  if (style === "long" || style === "bob") {
    const inner = head(halfWidth - 4.5, top, chin + 10, 2.4, 0.05);
    const lock = without(
      (x, y) => Math.max(Math.abs(x) - halfWidth - volume, y - (style === "long" ? 70 : 36), -10 - y),
      inner,
    );
    canvas.fill(frame, [-60, -12, 60, 72], lock, scale(who.hair, 0.92), 1, 1);
  }
}
