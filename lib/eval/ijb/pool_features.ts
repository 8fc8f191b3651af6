import { InputError } from "../../errors.ts";
import { NpyReader } from "../npy.ts";
import { type TemplateFeatures, TemplatePool } from "../templates.ts";
import type { IjbSet } from "./ijb_set.ts";

/** Rows of features in memory at once. */
const ROWS_AT_ONCE = 4096;

/** How images become templates. */
export interface PoolFeaturesOptions {
  /** Multiplies an image's embedding by the detector's score. @default true */
  readonly detectorScore?: boolean;
}

/**
 * Pools the images' embeddings, a float32 .npy file [images, dim] in the order of the set, into templates. The file is read piece by
 * piece: memory is two rows per template.
 *
 * @throws {InputError} naming file and row: another type or shape, an embedding that is not finite, a template whose images cancel out.
 */
export function poolFeatures(
  { names, templates, media, list }: Pick<IjbSet, "names" | "templates" | "media" | "list">,
  path: string,
  { detectorScore = true }: PoolFeaturesOptions = {},
): TemplateFeatures {
  using file = NpyReader.open(path, { dtype: "float32", shape: [names.length, undefined] });
  const dim = file.rowSize;
  const pool = new TemplatePool({ templates, media }, dim);
  const scaled = new Float64Array(dim);
  for (let first = 0; first < names.length; first += ROWS_AT_ONCE) {
    const count = Math.min(ROWS_AT_ONCE, names.length - first);
    const rows = file.readRows(first, count) as Float32Array;
    for (let i = 0; i < count; i++) {
      const score = detectorScore ? list.scores[first + i] : 1;
      let sum = 0;
      for (let d = 0, at = i * dim; d < dim; d++, at++) {
        scaled[d] = rows[at] * score;
        sum += 0 * scaled[d];
      }
      if (sum !== 0) {
        throw new InputError(
          `Cannot pool embeddings ${path}: expected finite numbers in row ${first + i} (${
            names[first + i]
          }), found others; ` +
            "check the model",
        );
      }
      pool.add(first + i, scaled);
    }
  }
  const pooled = pool.finish();
  for (let row = 0; row < pooled.ids.length; row++) {
    if (pooled.features.subarray(row * dim, (row + 1) * dim).some((value) => value !== 0)) continue;
    throw new InputError(
      `Cannot pool embeddings ${path}: expected template ${pooled.ids[row]} to have a direction, found only zeros: ` +
        "no image of it has an embedding and a detector score above 0; check the lists",
    );
  }
  return pooled;
}
