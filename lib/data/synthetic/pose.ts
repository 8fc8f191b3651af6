import type { Frame } from "./canvas.ts";
import type { FaceSample } from "./sample.ts";

/** Half axes of the ellipsoid that face features lie on: width, height, depth, in pixels of a 112-pixel crop. */
const SURFACE = [47, 62, 33] as const;

/** Where the middle of the face lies in the crop: eyes, nose and mouth then fall where aligned crops have them. */
const CENTER = [56, 62] as const;

/** Turns places on the face into places in the picture. Face coordinates: x to the right, y down, from its middle. */
export class Pose {
  readonly #sample: FaceSample;
  readonly #scale: number;
  readonly #cos: readonly [number, number, number];
  readonly #sin: readonly [number, number, number];

  /** The pose of a picture `size` pixels a side. */
  constructor(sample: FaceSample, size: number) {
    this.#sample = sample;
    this.#scale = size / 112;
    const angles = [sample.roll, sample.yaw, sample.pitch] as const;
    this.#cos = angles.map(Math.cos) as unknown as [number, number, number];
    this.#sin = angles.map(Math.sin) as unknown as [number, number, number];
  }

  /** Coordinates for something flat on the face at (x, y), `raised` above the surface, turned by `tilt`. */
  at(x: number, y: number, tilt = 0, raised = 0): Frame {
    const [ox, oy] = this.#project(x, y, depth(x, y) + raised);
    const [rx, ry] = this.#project(x + 1, y, depth(x + 1, y) + raised);
    const [dx, dy] = this.#project(x, y + 1, depth(x, y + 1) + raised);
    const cos = Math.cos(tilt), sin = Math.sin(tilt);
    return {
      ox,
      oy,
      ax: cos * (rx - ox) + sin * (dx - ox),
      ay: cos * (ry - oy) + sin * (dy - oy),
      bx: cos * (dx - ox) - sin * (rx - ox),
      by: cos * (dy - oy) - sin * (ry - oy),
    };
  }

  /** Coordinates for the outline of the head and what surrounds it: these turn hardly with the face. */
  outline(): Frame {
    const [ox, oy] = this.#project(0, 0, 0);
    const s = this.#scale * this.#sample.zoom;
    return { ox, oy, ax: s * this.#cos[0], ay: s * this.#sin[0], bx: -s * this.#sin[0], by: s * this.#cos[0] };
  }

  /** Coordinates of shoulders and neck: they follow the head's place, not its roll. */
  body(): Frame {
    const [ox, oy] = this.#project(0, 0, 0);
    const s = this.#scale * this.#sample.zoom;
    return { ox, oy, ax: s, ay: 0, bx: 0, by: s };
  }

  #project(x: number, y: number, z: number): [number, number] {
    const { zoom, shiftX, shiftY } = this.#sample;
    // Crops are aligned by eyes, nose and mouth, so that most of the shift a turn causes is taken back.
    const u = x * this.#cos[1] + (z - 0.65 * SURFACE[2]) * this.#sin[1];
    const v = y * this.#cos[2] + (z - 0.65 * SURFACE[2]) * this.#sin[2];
    return [
      this.#scale * (CENTER[0] + shiftX + zoom * (u * this.#cos[0] - v * this.#sin[0])),
      this.#scale * (CENTER[1] + shiftY + zoom * (u * this.#sin[0] + v * this.#cos[0])),
    ];
  }
}

function depth(x: number, y: number): number {
  return SURFACE[2] * Math.sqrt(Math.max(0.04, 1 - (x / SURFACE[0]) ** 2 - (y / SURFACE[1]) ** 2));
}
