import type { ConvPass, ConvTile } from "./conv2d.ts";
import type { FilterGradientPass, FilterGradientTile } from "./conv2d_filter_gradient.ts";

/**
 * Tile of a dense pass. The software adapter wants about 56 vectors of sums in a lane (measured: 28 to 35 GFLOP/s on two
 * cores, against 10 to 18 with 16); a GPU's registers hold a quarter of that at best.
 */
export function convTile(pass: ConvPass, software: boolean): ConvTile {
  const positions = software ? 28 : 8;
  const vectors = Math.min(2, pass.output[2] / 4);
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
  return { rows, cols, vectors };
}

/** Tile of a filter gradient: about 48 vectors of sums on the software adapter. */
export function filterGradientTile(
  layer: Pick<FilterGradientPass, "input" | "output" | "filter">,
  software: boolean,
): FilterGradientTile {
  const sums = software ? 48 : 24;
  const perInput = layer.filter[1] * 4;
  const vectors = Math.min(layer.output[2] / 4, layer.filter[1] === 1 && software ? 4 : 2);
  const inputs = Math.max(1, Math.min(layer.input[2] / 4, Math.floor(sums / (perInput * vectors))));
  return { inputs, vectors };
}
