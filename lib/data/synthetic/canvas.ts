/** Red, green, blue, each from 0 to 1, gamma-encoded as in the file. */
export type Color = readonly [number, number, number];

/**
 * A flat coordinate system on the canvas: local (x, y) lies at pixel (ox + ax * x + bx * y, oy + ay * x + by * y).
 */
export interface Frame {
  /** Pixel of the local origin. */
  readonly ox: number;
  /** Pixel of the local origin. */
  readonly oy: number;
  /** Pixels along a local unit of x. */
  readonly ax: number;
  /** Pixels along a local unit of x. */
  readonly ay: number;
  /** Pixels along a local unit of y. */
  readonly bx: number;
  /** Pixels along a local unit of y. */
  readonly by: number;
}

/** Distance to a shape's edge in local units, negative inside; right near the edge, anything of that sign elsewhere. */
export type Shape = (x: number, y: number) => number;

/** Left, top, right, bottom in local units. */
export type Bounds = readonly [number, number, number, number];

/** Blends between two colours. */
export function mix(from: Color, to: Color, share: number): Color {
  return [
    from[0] + (to[0] - from[0]) * share,
    from[1] + (to[1] - from[1]) * share,
    from[2] + (to[2] - from[2]) * share,
  ];
}

/** A colour made brighter or darker. */
export function scale(color: Color, factor: number): Color {
  return [color[0] * factor, color[1] * factor, color[2] * factor];
}

/** A square picture in floating point, and which of its pixels are of the head. */
export class Canvas {
  /** Pixels a side. */
  readonly size: number;
  /** [size, size, 3]. */
  readonly pixels: Float32Array;

  /** A black picture. */
  constructor(size: number) {
    this.size = size;
    this.pixels = new Float32Array(size * size * 3);
  }

  /**
   * Paints a shape; its edge is one pixel wide, or `soft` local units where that is more.
   *
   * @param opacity 1 covers what lies below.
   */
  fill(frame: Frame, bounds: Bounds, shape: Shape, color: Color, opacity = 1, soft = 0): void {
    const { size, pixels } = this;
    const { ox, oy, ax, ay, bx, by } = frame;
    const area = ax * by - bx * ay;
    const unit = Math.sqrt(Math.abs(area)); // pixels per local unit
    if (!(unit > 1e-3)) return;
    let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
    for (let corner = 0; corner < 4; corner++) {
      const x = bounds[corner & 1 ? 2 : 0], y = bounds[corner & 2 ? 3 : 1];
      left = Math.min(left, ox + ax * x + bx * y);
      right = Math.max(right, ox + ax * x + bx * y);
      top = Math.min(top, oy + ay * x + by * y);
      bottom = Math.max(bottom, oy + ay * x + by * y);
    }
    const margin = 1 + soft * unit;
    const x0 = Math.max(0, Math.floor(left - margin)), x1 = Math.min(size, Math.ceil(right + margin));
    const y0 = Math.max(0, Math.floor(top - margin)), y1 = Math.min(size, Math.ceil(bottom + margin));
    const edge = Math.max(1, soft * unit);
    const slope = -unit / edge;
    const [r, g, b] = color;
    for (let py = y0; py < y1; py++) {
      const dy = py + 0.5 - oy;
      for (let px = x0; px < x1; px++) {
        const dx = px + 0.5 - ox;
        const covered = 0.5 + slope * shape((by * dx - bx * dy) / area, (ax * dy - ay * dx) / area);
        if (covered <= 0) continue;
        const share = covered >= 1 ? opacity : covered * opacity;
        const at = (py * size + px) * 3;
        pixels[at] += (r - pixels[at]) * share;
        pixels[at + 1] += (g - pixels[at + 1]) * share;
        pixels[at + 2] += (b - pixels[at + 2]) * share;
      }
    }
  }
}
