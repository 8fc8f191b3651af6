import { InputError } from "../errors.ts";
import { ioError } from "./io_error.ts";
import { readJpegHeader } from "./jpeg_header.ts";

/** No encoded face image comes near this; a record cannot hold more. */
const LIMIT_BYTES = 2 ** 29 - 1024;

/** What the first bytes of a file say it is. */
export type ImageKind = "jpeg" | "png";

/** The kind of an encoded image by its first bytes; undefined when it is neither JPEG nor PNG. */
export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return "jpeg";
  const png = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return png.every((byte, i) => bytes[i] === byte) ? "png" : undefined;
}

/**
 * Reads an image file to be packed. Lists may name any path, so what is not an image is refused: a foreign list cannot
 * bring other files of this machine into a data set.
 *
 * @param namedBy who names it, for messages: "label.txt line 3"
 * @throws {InputError} if it is missing, not a file, too large, or neither JPEG nor PNG.
 */
export function readImageFile(path: string, namedBy: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile || size > LIMIT_BYTES) {
      const found = isFile ? `${size} bytes` : "something that is no file";
      throw new InputError(`Cannot read image ${path} (${namedBy}): expected an image file, found ${found}`);
    }
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw ioError("read image", `${path} (${namedBy})`, error);
  }
  if (imageKind(bytes) === undefined) {
    const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const found = bytes.length === 0 ? "an empty file" : `a file that begins with ${start}`;
    throw new InputError(`Cannot use image ${path} (${namedBy}): expected a JPEG or PNG file, found ${found}`);
  }
  return bytes;
}

/**
 * Height and width from an encoded image's header, without decoding it.
 *
 * @throws {InputError} if the header is damaged.
 */
export function imageSizeOf(bytes: Uint8Array): [height: number, width: number] {
  if (imageKind(bytes) === "jpeg") {
    const { height, width } = readJpegHeader(bytes);
    return [height, width];
  }
  if (bytes.length < 24) {
    throw new InputError("Cannot decode PNG: expected a header, found the end; the image is corrupt");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [view.getUint32(20), view.getUint32(16)];
}
