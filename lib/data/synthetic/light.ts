import type { Random } from "../random.ts";
import type { Canvas } from "./canvas.ts";
import type { FaceIdentity } from "./identity.ts";
import type { Pose } from "./pose.ts";
import type { FaceSample } from "./sample.ts";

/** Lights the picture, then takes it: shade over the head's roundness, colour of the light, exposure, blur, noise. */
export function applyLight(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose, random: Random): void {
  shade(canvas, who, how, pose);
  develop(canvas, how);
  const radius = how.blur * canvas.size / 112;
  if (radius > 0) blur(canvas, radius);
  grain(canvas, how.noise / 255, random);
}

/** Diffuse light on an ellipsoid in the head's place; it fades out around it, where only the even part is left. */
function shade(canvas: Canvas, who: FaceIdentity, how: FaceSample, pose: Pose): void {
  const { size, pixels } = canvas;
  const { ox, oy, ax, ay } = pose.outline();
  const square = ax * ax + ay * ay;
  const a = who.halfWidth + 3, b = who.top + 3;
  const [lx, ly, lz] = how.light;
  const even = 1 - 0.75 * how.directed, strength = 1.25 * how.directed;
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at += 3) {
      const dx = x + 0.5 - ox, dy = y + 0.5 - oy;
      const u = (ax * dx + ay * dy) / square / a, v = (ax * dy - ay * dx) / square / b;
      const inside = 1 - u * u - v * v;
      // Flatter than an ellipsoid: its edge would go dark under any light.
      const nz = 0.35 + 0.65 * Math.sqrt(Math.max(0, inside));
      const facing = Math.max(0, u * lx + v * ly + nz * lz) / Math.sqrt(u * u + v * v + nz * nz);
      const near = Math.min(1, Math.max(0, 1 + 4 * inside));
      const lit = even + strength * (near * facing + (1 - near) * 0.6);
      pixels[at] *= lit;
      pixels[at + 1] *= lit;
      pixels[at + 2] *= lit;
    }
  }
}

/** Exposure and colour of the light, contrast, saturation. */
function develop({ pixels }: Canvas, how: FaceSample): void {
  const [tr, tg, tb] = how.tint;
  for (let at = 0; at < pixels.length; at += 3) {
    const r = pixels[at] * tr * how.exposure,
      g = pixels[at + 1] * tg * how.exposure,
      b = pixels[at + 2] * tb * how.exposure;
    const grey = 0.299 * r + 0.587 * g + 0.114 * b;
    pixels[at] = 0.45 + (grey + (r - grey) * how.saturation - 0.45) * how.contrast;
    pixels[at + 1] = 0.45 + (grey + (g - grey) * how.saturation - 0.45) * how.contrast;
    pixels[at + 2] = 0.45 + (grey + (b - grey) * how.saturation - 0.45) * how.contrast;
  }
}

/** Gaussian blur, rows then columns; pixels beyond the edge repeat the last one. */
function blur({ size, pixels }: Canvas, radius: number): void {
  const reach = Math.ceil(2.5 * radius);
  const weights = Array.from(
    { length: 2 * reach + 1 },
    (_, i) => Math.exp(-((i - reach) ** 2) / (2 * radius * radius)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const line = new Float32Array((size + 2 * reach) * 3);
  for (const [step, across] of [[3, size * 3], [size * 3, 3]]) {
    for (let k = 0; k < size; k++) {
      const start = k * across;
      for (let i = 0; i < size + 2 * reach; i++) {
        const at = start + Math.min(size - 1, Math.max(0, i - reach)) * step;
        line[3 * i] = pixels[at];
        line[3 * i + 1] = pixels[at + 1];
        line[3 * i + 2] = pixels[at + 2];
      }
      for (let i = 0; i < size; i++) {
        let r = 0, g = 0, b = 0;
        for (let j = 0, from = 3 * i; j < weights.length; j++, from += 3) {
          r += weights[j] * line[from];
          g += weights[j] * line[from + 1];
          b += weights[j] * line[from + 2];
        }
        const at = start + i * step;
        pixels[at] = r / total;
        pixels[at + 1] = g / total;
        pixels[at + 2] = b / total;
      }
    }
  }
}

/** Noise of this standard deviation, the same for the three channels by half. */
function grain({ pixels }: Canvas, deviation: number, random: Random): void {
  // The sum of three numbers from 0 to 1023 is bell-shaped enough: mean 1534.5, standard deviation 512.
  const unit = 0.7 * deviation / 512;
  let last = 0;
  const draw = () => {
    const word = random.next();
    return last = ((word & 1023) + (word >>> 10 & 1023) + (word >>> 20 & 1023) - 1534.5) * unit;
  };
  draw();
  for (let at = 0; at < pixels.length; at += 3) {
    const common = last; // blue of the pixel before: independent of this one's channels
    pixels[at] += common + draw();
    pixels[at + 1] += common + draw();
    pixels[at + 2] += common + draw();
  }
}
