import { Buffer } from "node:buffer";
import { createCodec } from "../../data/image_codec.ts";
import type { PairSet } from "../../data/pair_set.ts";
import { resizeImage } from "../../data/resize.ts";
import { InputError } from "../../errors.ts";
import type { ReportedSet } from "./pair_report.ts";

/** Pixels of a picture's side at most: twice what a page shows it at. */
const LARGEST_SIDE = 224;

/** Pictures of a set's hardest errors: `data:` addresses by the image's number. */
export type ErrorPictures = ReadonlyMap<number, string>;

/**
 * The images of each set's hardest errors as `data:` addresses. They are decoded and encoded again, square and not large, as a model sees
 * them: a page gets pixels, and nothing else that a file may hold.
 *
 * @throws {InputError} (as a rejection) if an image can no longer be read.
 */
export async function errorPictures(
  sets: readonly Pick<PairSet, "path" | "image">[],
  reported: readonly Pick<ReportedSet, "errors">[],
): Promise<ErrorPictures[]> {
  using codec = await createCodec("wasm");
  const picture = (bytes: Uint8Array) => {
    const image = codec.decode(bytes);
    const side = Math.min(LARGEST_SIDE, Math.max(image.width, image.height));
    const jpeg = codec.encodeJpeg({ width: side, height: side, pixels: resizeImage(image, side) }, {
      subsampling: "4:4:4",
    });
    return `data:image/jpeg;base64,${Buffer.from(jpeg).toString("base64")}`;
  };
  return reported.map(({ errors: { falseAccepts, falseRejects } }, s) => {
    const pictures = new Map<number, string>();
    for (const { pair } of [...falseAccepts.hardest, ...falseRejects.hardest]) {
      for (const i of [2 * pair, 2 * pair + 1]) {
        try {
          pictures.set(i, picture(sets[s].image(i)));
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          throw new InputError(`Cannot show image ${i} of ${sets[s].path}: ${error.message}`, { cause: error });
        }
      }
    }
    return pictures;
  });
}
