import { InputError } from "../errors.ts";
import { readJpegHeader } from "./jpeg_header.ts";
import type { JpegLibrary, JpegOptions } from "./jpeg_library.ts";
import { decodePng, PNG_SIGNATURE } from "./png.ts";
import { checkImageSize, type RgbImage } from "./rgb_image.ts";
import { openTurboJpeg } from "./turbojpeg.ts";
import { openWasmJpeg } from "./wasm_jpeg.ts";

/** Which JPEG library: `auto` is `turbojpeg` where it can be opened, else `wasm`. */
export type CodecKind = "auto" | "wasm" | "turbojpeg";

/** Turns encoded images into pixels, and pixels into JPEG files. Not shared between threads. */
export interface ImageCodec extends Disposable {
  /** The JPEG library in use, in words. */
  readonly name: string;
  /**
   * The pixels of a JPEG or PNG as RGB. Grey becomes three equal channels; a PNG's alpha is dropped.
   *
   * @throws {InputError} if the image is corrupt, cut off, too large, or of a kind that is not read; the message says why.
   */
  decode(bytes: Uint8Array): RgbImage;
  /** The JPEG file of an image. One library always gives the same bytes; two libraries may not. */
  encodeJpeg(image: RgbImage, options?: JpegOptions): Uint8Array;
  /** Frees what is held outside of JavaScript. */
  close(): void;
}

/**
 * Opens an image codec.
 *
 * All libraries decode to the same pixels: which one is in use changes the speed only. `wasm` works everywhere;
 * `turbojpeg` needs libturbojpeg on the system and `--allow-ffi`.
 *
 * @throws {InputError} if `turbojpeg` is asked for and cannot be opened.
 * @example
 * ```ts
 * import { createCodec } from "./image_codec.ts";
 *
 * using codec = await createCodec("wasm");
 * const file = codec.encodeJpeg({ width: 16, height: 16, pixels: new Uint8Array(16 * 16 * 3).fill(200) });
 * const { width, pixels } = codec.decode(file);
 * console.assert(width === 16 && pixels[0] === 200);
 * ```
 */
export async function createCodec(kind: CodecKind = "auto"): Promise<ImageCodec> {
  if (kind !== "wasm") {
    const library = openTurboJpeg();
    if (library) return new Codec(library);
    if (kind === "turbojpeg") {
      throw new InputError(
        "Cannot open libturbojpeg: expected it on this system and --allow-ffi, found neither or one; " +
          "install it (Debian: libturbojpeg0) or use the codec wasm",
      );
    }
  }
  return new Codec(await openWasmJpeg());
}

class Codec implements ImageCodec {
  readonly #jpeg: JpegLibrary;

  constructor(jpeg: JpegLibrary) {
    this.#jpeg = jpeg;
  }

  get name(): string {
    return this.#jpeg.name;
  }

  decode(bytes: Uint8Array): RgbImage {
    if (bytes[0] === 0xff && bytes[1] === 0xd8) {
      const header = readJpegHeader(bytes);
      return { width: header.width, height: header.height, pixels: this.#jpeg.decode(bytes, header) };
    }
    if (bytes[0] === PNG_SIGNATURE[0] && bytes[1] === PNG_SIGNATURE[1]) return decodePng(bytes);
    const found = bytes.length === 0
      ? "nothing"
      : `${bytes.length} bytes starting with ${
        [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ")
      }`;
    throw new InputError(`Cannot decode image: expected a JPEG or PNG, found ${found}; the image is corrupt`);
  }

  encodeJpeg(image: RgbImage, options: JpegOptions = {}): Uint8Array {
    checkImageSize("image", image.width, image.height);
    if (image.pixels.length !== image.width * image.height * 3) {
      throw new InputError(
        `Cannot encode image: expected ${image.width}x${image.height}x3 bytes of pixels, found ${image.pixels.length}`,
      );
    }
    const { quality = 90 } = options;
    if (!Number.isInteger(quality) || quality < 1 || quality > 100) {
      throw new InputError(`Cannot encode image: expected a quality from 1 to 100, found ${quality}`);
    }
    return this.#jpeg.encode(image, options);
  }

  close(): void {
    this.#jpeg.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
