import { InputError } from "../errors.ts";

/** A decoded image: eight bits per channel, red first. */
export interface RgbImage {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [height, width, 3], row-major. */
  readonly pixels: Uint8Array;
}

/** No side of an image may be longer: far above any face crop, low enough that a forged header cannot ask for memory. */
export const MAX_SIDE = 16_384;

/** No image may have more pixels (192 MiB as RGB). */
export const MAX_PIXELS = 64 * 1024 * 1024;

/**
 * Refuses image sizes that a header claims and no face image has, before anything is allocated for them.
 *
 * @param format What the image is, for the message.
 * @throws {InputError} if a side is zero or over `MAX_SIDE`, or the pixels are over `MAX_PIXELS`.
 */
export function checkImageSize(format: string, width: number, height: number): void {
  if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS) {
    throw new InputError(
      `Cannot decode ${format}: expected 1 to ${MAX_SIDE} pixels a side and at most ${MAX_PIXELS} in all, ` +
        `found ${width}x${height}; leave the image out or make it again`,
    );
  }
}
