/** The heads in float64 by the published equations, one loop each: nothing is shared with lib/head. */

/** Rows of numbers. */
export type Matrix = number[][];

/** What a loss depends on besides embeddings and weights. */
export interface LossOptions {
  readonly kind: "angular" | "additive";
  readonly scale: number;
  /** Margin of each class. */
  readonly margins: number[];
}

const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const length = (a: number[]) => Math.sqrt(dot(a, a));

/** cos[i][j] between embedding i and weight j. */
export function cosines(embeddings: Matrix, weight: Matrix): Matrix {
  return embeddings.map((e) => weight.map((w) => dot(e, w) / Math.max(length(e), 1e-12) / Math.max(length(w), 1e-12)));
}

/** Mean cross-entropy with margins; equations 5 and 6. */
export function lossOf(embeddings: Matrix, weight: Matrix, labels: number[], options: LossOptions): number {
  const { kind, scale, margins } = options;
  const losses = cosines(embeddings, weight).map((row, i) => {
    const margin = margins[labels[i]];
    const logits = row.map((cos, j) => {
      if (j !== labels[i]) return scale * cos;
      if (kind === "additive") return scale * (cos - margin);
      if (cos <= Math.cos(Math.PI - margin)) return scale * (cos - Math.sin(Math.PI - margin) * margin);
      const sin = Math.sqrt(Math.min(1, Math.max(0, 1 - cos * cos)));
      return scale * (cos * Math.cos(margin) - sin * Math.sin(margin));
    });
    const top = Math.max(...logits);
    return top + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0)) - logits[labels[i]];
  });
  return losses.reduce((a, b) => a + b) / losses.length;
}

/** Derivative of `f` by every entry of `at`, from both sides. */
export function numericGradient(f: () => number, at: Matrix): number[] {
  const h = 1e-6;
  return at.flatMap((row) =>
    row.map((value, d) => {
      row[d] = value + h;
      const above = f();
      row[d] = value - h;
      const below = f();
      row[d] = value;
      return (above - below) / (2 * h);
    })
  );
}

/** Equation 1 on a copy of the centers. */
export function movedCenters(
  centers: Matrix,
  embeddings: Matrix,
  labels: number[],
  mu: number,
  repeated: "last" | "mean",
): Matrix {
  return centers.map((center, c) => {
    const rows = embeddings.filter((_, i) => labels[i] === c);
    if (rows.length === 0) return center;
    const used = repeated === "last" ? rows.slice(-1) : rows;
    return center.map((old, d) => (1 - mu) * used.reduce((sum, row) => sum + row[d], 0) / used.length + mu * old);
  });
}

/** Equation 2. */
export function movedT(t: number, targets: number[], mu: number): number {
  const counted = targets.filter((cos) => cos !== 0);
  return counted.length === 0 ? t : (1 - mu) * counted.reduce((a, b) => a + b) / counted.length + mu * t;
}

/** Equations 3 and 4: the margin of every class. */
export function classMargins(weight: Matrix, centers: Matrix, t: number, margin: number, mM: number): number[] {
  const hard = weight.map((w, c) => 1 - dot(w, centers[c]) / Math.max(length(w) * length(centers[c]), 1e-8));
  const least = Math.min(...hard), most = Math.max(...hard);
  return hard.map((h) => {
    const share = most > least ? (h - least) / (most - least) : 0;
    return Math.min(margin + mM, Math.max(margin, margin + share * t * mM));
  });
}
