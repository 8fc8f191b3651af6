import { readImageFile } from "../image_file.ts";
import { writePairSet } from "../pair_set.ts";
import { type ConvertOptions, PROGRESS_STEP } from "./convert_options.ts";
import { readPairList } from "./pair_list.ts";

/** What packPairs() did. */
export interface PackedPairs {
  /** Pairs written. */
  pairs: number;
  /** Those of one person. */
  same: number;
}

/**
 * Packs the pairs of a list (pair.list, or LFW's pairs.txt) into a verification set: `convert pack-bin`.
 *
 * Images keep their bytes; they are read as they are written, so memory does not grow with the set.
 *
 * @throws {InputError} if an image is missing or is none, or `out` exists or cannot be written.
 */
export function packPairs(list: string, out: string, { force, onProgress }: ConvertOptions = {}): PackedPairs {
  const { images, same } = readPairList(list);
  function* contents(): Generator<Uint8Array> {
    for (let i = 0; i < images.length; i++) {
      yield readImageFile(images[i], `${list}, pair ${(i >> 1) + 1}`);
      if (i % PROGRESS_STEP === 0) onProgress?.(i, images.length);
    }
  }
  writePairSet(out, { images: contents(), same }, { force });
  onProgress?.(images.length, images.length);
  return { pairs: same.length, same: same.filter((isSame) => isSame).length };
}
