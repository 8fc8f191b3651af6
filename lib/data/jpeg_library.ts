import type { JpegHeader } from "./jpeg_header.ts";
import type { RgbImage } from "./rgb_image.ts";

/** How a JPEG is written. */
export interface JpegOptions {
  /**
   * 1 to 100.
   *
   * @default 90
   */
  readonly quality?: number;
  /**
   * Whether colour is kept at half the resolution ("4:2:0", what most face sets have) or all of it ("4:4:4").
   *
   * @default "4:2:0"
   */
  readonly subsampling?: "4:2:0" | "4:4:4";
}

/** One build of libjpeg-turbo, ready to use. All builds give the same pixels. */
export interface JpegLibrary {
  /** Its name and, where it tells, version. */
  readonly name: string;
  /**
   * Pixels [height, width, 3] of an image whose header was read. Warnings, such as a premature end, count as errors.
   *
   * @throws {InputError} if the image is corrupt.
   */
  decode(bytes: Uint8Array, header: JpegHeader): Uint8Array;
  /** The file of an image, baseline. */
  encode(image: RgbImage, options?: JpegOptions): Uint8Array;
  /** Frees what is held outside of JavaScript. */
  close(): void;
}

/** TurboJPEG's numbers of the ways to keep colour. */
export const SUBSAMPLING = { "4:4:4": 0, "4:2:0": 2 } as const;

/** The most bytes TurboJPEG can write for an image (tjBufSize for 4:4:4, the largest). */
export function encodedBound(width: number, height: number): number {
  return Math.ceil(width / 16) * 16 * (Math.ceil(height / 16) * 16) * 6 + 2048;
}
