import type { Shape } from "./canvas.ts";

/** An ellipse with these half axes. */
export function ellipse(a: number, b: number): Shape {
  return (x, y) => {
    const u = x / a, v = y / b;
    const k = Math.sqrt(u * u + v * v);
    if (k > 3) return k * Math.min(a, b); // far outside: only the sign counts
    return k < 1e-6 ? -Math.min(a, b) : k * (k - 1) / Math.sqrt((u / a) ** 2 + (v / b) ** 2);
  };
}

/** A rectangle with these half sides and rounded corners. */
export function box(a: number, b: number, radius: number): Shape {
  return (x, y) => {
    const u = Math.abs(x) - a + radius, v = Math.abs(y) - b + radius;
    const right = Math.max(u, 0), down = Math.max(v, 0);
    return Math.sqrt(right * right + down * down) + Math.min(Math.max(u, v), 0) - radius;
  };
}

/** A pointed oval: two parabolas that meet at x = +-w, `above` and `below` high. */
export function almond(w: number, above: number, below: number): Shape {
  return (x, y) => {
    const q = 1 - (x / w) ** 2;
    return Math.max(-y - above * q, y - below * q) / 1.2;
  };
}

/** The band between two heights that depend on x, from -w to w. */
export function band(w: number, top: (x: number) => number, bottom: (x: number) => number): Shape {
  return (x, y) => Math.max(top(x) - y, y - bottom(x), Math.abs(x) - w);
}

/** A line along a curve, of a half thickness that depends on x. */
export function stroke(w: number, curve: (x: number) => number, half: (x: number) => number): Shape {
  return (x, y) => Math.max(Math.abs(y - curve(x)) - half(x), Math.abs(x) - w);
}

/** The outline of a shape, `half` thick to each side. */
export function outline(shape: Shape, half: number): Shape {
  return (x, y) => Math.abs(shape(x, y)) - half;
}

/** What two shapes share. */
export function both(one: Shape, other: Shape): Shape {
  return (x, y) => Math.max(one(x, y), other(x, y));
}

/** The first shape without the second. */
export function without(one: Shape, other: Shape): Shape {
  return (x, y) => Math.max(one(x, y), -other(x, y));
}

/** A shape moved by (dx, dy). */
export function moved(shape: Shape, dx: number, dy: number): Shape {
  return (x, y) => shape(x - dx, y - dy);
}

/**
 * A head seen from the front: half an ellipse above, below it a jaw whose corners `square` (2 an ellipse, 3.5 a box) and
 * `taper` (share of the width lost at the chin) shape.
 */
export function head(halfWidth: number, top: number, chin: number, square: number, taper: number): Shape {
  const skull = ellipse(halfWidth, top);
  const least = Math.min(halfWidth, chin);
  return (x, y) => {
    if (y <= 0) return skull(x, y);
    const v = y / chin;
    if (Math.abs(x) < 0.6 * halfWidth * (1 - taper) && v < 0.6) return -least / 4; // deep inside: saves the powers
    const u = Math.abs(x) / (halfWidth * (1 - taper * Math.min(v, 1.2) ** 1.5));
    return ((u ** square + v ** square) ** (1 / square) - 1) * least;
  };
}
