import type { ConvLayer } from "../conv_layer.ts";
import type { ConvPass, ConvTile } from "./conv2d.ts";
import type { FilterGradientTile } from "./conv2d_filter_gradient.ts";

/** How large a direct pass's tile is in registers. */
export interface DirectSize {
  /** Positions of one lane; of a filter's gradient, its vectors of sums. */
  readonly positions: number;
  /** Vectors of four output channels. */
  readonly vectors: number;
}

/** The tile of a dense pass that has about `positions` positions and `vectors` vectors. */
export function convTile(pass: ConvPass, { positions, vectors }: DirectSize): ConvTile {
  // Strided or wide rows would need too many columns in registers.
  const widest = Math.max(
    1,
    Math.floor((positions + 2) / Math.max(pass.inputStride, 1)) - (pass.cols.count > 3 ? pass.cols.count : 0),
  );
  const most = Math.max(1, Math.min(pass.grid[1], positions, widest));
  const cols = Math.ceil(pass.grid[1] / Math.ceil(pass.grid[1] / most));
  // Input columns of all rows are in registers at once: filters wider than three taps get fewer rows.
  const columns = (cols - 1) * pass.inputStride + pass.cols.count;
  const rows = Math.max(
    1,
    Math.min(pass.batch * pass.grid[0], Math.floor(positions / cols), Math.floor(2.2 * positions / columns)),
  );
  return { rows, cols, vectors: Math.min(vectors, pass.output[2] / 4) };
}

/** The tile of a filter's gradient that has about `positions` vectors of sums. */
export function filterGradientTile(
  layer: Pick<ConvLayer, "input" | "output" | "filter">,
  { positions, vectors }: DirectSize,
): FilterGradientTile {
  const wide = Math.min(layer.output[2] / 4, vectors);
  const inputs = Math.max(1, Math.min(layer.input[2] / 4, Math.floor(positions / (layer.filter[1] * 4 * wide))));
  return { inputs, vectors: wide };
}
