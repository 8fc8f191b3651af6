import { InputError } from "../errors.ts";
import { checkImageSize } from "./rgb_image.ts";

/** What a JPEG says of itself before its pixels. */
export interface JpegHeader {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1 grey or 3 colour; anything else is refused. */
  readonly components: 1 | 3;
  /** Whether the image comes in several scans. */
  readonly progressive: boolean;
}

/** A progressive image has about ten scans; thousands of them are a way to keep a decoder busy for hours. */
const MAX_SCANS = 100;

/**
 * Reads the header of a JPEG: the same checks whichever library decodes it, before it allocates anything.
 *
 * @throws {InputError} if the bytes are no JPEG, end before the image, or hold a kind no face set has (CMYK, 12 bits).
 * @source ITU-T T.81, annex B
 * @example
 * ```ts
 * import { readJpegHeader } from "./jpeg_header.ts";
 *
 * const bytes = [0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 112, 0, 96, 1, 1, 0x11, 0];
 * const { width, height } = readJpegHeader(Uint8Array.from(bytes)); // 96 wide, 112 high
 * console.assert(width === 96 && height === 112);
 * ```
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  if (bytes.length < 2 || bytes[0] !== 0xff || bytes[1] !== 0xd8) {
    throw new InputError("Cannot decode JPEG: expected it to start with ff d8; the image is corrupt");
  }
  let at = 2;
  while (at < bytes.length) {
    if (bytes[at] !== 0xff) throw corrupt(`expected a marker at byte ${at}, found 0x${bytes[at].toString(16)}`);
    const marker = bytes[at + 1];
    if (marker === 0xff) { // fill byte
      at += 1;
      continue;
    }
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) { // markers without a length
      at += 2;
      continue;
    }
    if (marker === 0xd9 || marker === 0xda) throw corrupt(`expected a frame header before byte ${at}, found none`);
    if (at + 4 > bytes.length) break;
    const length = bytes[at + 2] << 8 | bytes[at + 3];
    if (length < 2) throw corrupt(`expected a segment of 2 bytes or more at byte ${at}, found ${length}`);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (!isFrame) {
      at += 2 + length;
      continue;
    }
    if (at + 10 > bytes.length) break;
    return readFrame(bytes, at, marker);
  }
  throw corrupt(`expected a frame header, found the end at byte ${bytes.length}`);
}

function readFrame(bytes: Uint8Array, at: number, marker: number): JpegHeader {
  const precision = bytes[at + 4];
  const height = bytes[at + 5] << 8 | bytes[at + 6];
  const width = bytes[at + 7] << 8 | bytes[at + 8];
  const components = bytes[at + 9];
  if (precision !== 8) {
    throw corrupt(`expected 8 bits a sample, found ${precision}`, "convert the image to 8 bits");
  }
  if (components !== 1 && components !== 3) {
    const kind = components === 4 ? "4 (CMYK)" : `${components}`;
    throw corrupt(`expected 1 (grey) or 3 (colour) components, found ${kind}`, "convert the image to RGB");
  }
  checkImageSize("JPEG", width, height);
  const progressive = (marker & 3) === 2;
  if (progressive) checkScans(bytes, at);
  return { width, height, components, progressive };
}

function checkScans(bytes: Uint8Array, from: number): void {
  let scans = 0;
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    if (bytes[at + 1] === 0xda && ++scans > MAX_SCANS) {
      throw corrupt(`expected at most ${MAX_SCANS} scans, found more by byte ${at}`);
    }
  }
}

function corrupt(found: string, remedy = "the image is corrupt"): InputError {
  return new InputError(`Cannot decode JPEG: ${found}; ${remedy}`);
}
