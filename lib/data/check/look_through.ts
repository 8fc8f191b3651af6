import type { DataSet } from "../data_set.ts";
import { type DecodedImage, ImageDecoder } from "../image_decoder.ts";
import type { ImageSource } from "../image_source.ts";

/** How a set is looked through. */
export interface LookThroughOptions {
  /** Pixels a side that images are resized to. */
  readonly imageSize: number;
  /** Also checksums of the images. @default false */
  readonly checksums?: boolean;
  /** Told of every image, in order. */
  readonly onImage: (i: number, image: DecodedImage) => void;
  /** Called with the images done. @default nothing is reported */
  readonly onProgress?: (done: number, total: number) => void;
  /** Stops it: the call is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Images decoded at once; two such batches are under way. */
const BATCH = 128;

/** Reads and decodes every image of a set. What cannot be read or decoded is an image with `error`. */
export async function lookThrough(
  set: DataSet,
  { imageSize, checksums, onImage, onProgress, signal }: LookThroughOptions,
): Promise<void> {
  using decoder = new ImageDecoder({ imageSize });
  const unreadable = (error: string): DecodedImage => ({
    ...{ pixels: undefined, label: undefined, width: 0, height: 0 },
    error,
  });

  /** Reads what of the batch can be read: a damaged entry of a .bin shows here already. */
  const begin = async (from: number) => {
    const sources: ImageSource[] = [];
    const errors = new Map<number, string>();
    const to = Math.min(from + BATCH, set.size);
    for (let i = from; i < to; i++) {
      try {
        sources.push(set.source(i));
      } catch (error) {
        errors.set(i, (error as Error).message);
      }
    }
    const images = (await decoder.decode(sources, { checksums })).values();
    return Array.from({ length: to - from }, (_, k) => {
      const error = errors.get(from + k);
      return error === undefined ? images.next().value! : unreadable(error);
    });
  };

  let ahead = begin(0);
  for (let from = 0; from < set.size; from += BATCH) {
    const batch = await ahead;
    signal?.throwIfAborted();
    if (from + BATCH < set.size) {
      ahead = begin(from + BATCH);
      ahead.catch(() => {}); // looked at in its turn, or never
    }
    batch.forEach((image, k) => onImage(from + k, image));
    onProgress?.(Math.min(from + BATCH, set.size), set.size);
  }
}
