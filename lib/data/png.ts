import { Buffer } from "node:buffer";
import { crc32, inflateSync } from "node:zlib";
import { encode } from "../deps/fast_png.ts";
import { InputError } from "../errors.ts";
import { unfilterPng } from "./png_rows.ts";
import { checkImageSize, type RgbImage } from "./rgb_image.ts";

/** The eight bytes every PNG starts with. */
export const PNG_SIGNATURE: readonly number[] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Channels by colour type: grey, colour, palette, grey with alpha, colour with alpha. */
const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Depths the standard allows by colour type. */
const DEPTHS: Record<number, readonly number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** The header of a PNG. */
export interface PngHeader {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Bits per sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** 0 grey, 2 colour, 3 palette, 4 grey with alpha, 6 colour with alpha. */
  readonly colorType: number;
  /** Samples per pixel in the file. */
  readonly channels: number;
  /** Whether the rows come in the seven passes of Adam7. */
  readonly interlaced: boolean;
}

/**
 * Decodes a PNG of any kind to RGB, as OpenCV and PIL's `convert("RGB")` do: alpha is dropped (not blended), 16-bit
 * samples keep their high byte, grey is repeated, a palette is looked up, 1-, 2- and 4-bit grey is stretched to 0 … 255.
 *
 * Every checksum is verified, and no more is inflated than the header's size needs.
 *
 * @throws {InputError} if the bytes are no PNG, are corrupt, or claim a size over `MAX_SIDE` or `MAX_PIXELS`.
 * @source PNG specification, third edition
 * @example
 * ```ts
 * import { decodePng, encodePng } from "./png.ts";
 *
 * const image = decodePng(encodePng({ width: 2, height: 1, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) }));
 * console.assert(image.width === 2 && image.pixels[5] === 6);
 * ```
 */
export function decodePng(bytes: Uint8Array): RgbImage {
  const { header, palette, data } = readChunks(bytes);
  const { width, height } = header;
  const expected = rawLength(header);
  let raw: Uint8Array;
  try {
    raw = inflateSync(data, { maxOutputLength: expected });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === "ERR_BUFFER_TOO_LARGE") throw corrupt(`expected ${expected} bytes of rows, found more`);
    throw corrupt(`expected compressed rows, found them broken (${message})`);
  }
  if (raw.length !== expected) throw corrupt(`expected ${expected} bytes of rows, found ${raw.length}`);
  const pixels = new Uint8Array(width * height * 3);
  for (const pass of passes(header)) {
    const rowBytes = Math.ceil(pass.width * header.channels * header.depth / 8);
    const rows = raw.subarray(pass.start, pass.start + (rowBytes + 1) * pass.height);
    if (!unfilterPng(rows, rowBytes, Math.max(1, header.channels * header.depth / 8))) {
      throw corrupt("expected row filters 0 to 4, found another");
    }
    for (let y = 0; y < pass.height; y++) {
      const row = rows.subarray(y * (rowBytes + 1) + 1, (y + 1) * (rowBytes + 1));
      const out = ((pass.y + y * pass.stepY) * width + pass.x) * 3;
      writeRow(row, header, palette, pixels, out, pass.width, pass.stepX * 3);
    }
  }
  return { width, height, pixels };
}

/** The file of an image: eight bits per channel, no alpha. */
export function encodePng(image: RgbImage): Uint8Array {
  return encode({ width: image.width, height: image.height, data: image.pixels, channels: 3, depth: 8 });
}

interface Chunks {
  header: PngHeader;
  palette: Uint8Array | undefined;
  data: Uint8Array;
}

/** Walks the chunks; those that do not change the pixels' colours are checked and left out. */
function readChunks(bytes: Uint8Array): Chunks {
  if (PNG_SIGNATURE.some((byte, i) => bytes[i] !== byte)) throw corrupt("expected the PNG signature, found none");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: PngHeader | undefined;
  let palette: Uint8Array | undefined;
  const parts: Uint8Array[] = [];
  for (let at = 8;;) {
    if (at + 12 > bytes.length) throw corrupt(`expected a chunk at byte ${at}, found the end`);
    const length = view.getUint32(at);
    if (length > bytes.length - at - 12) {
      throw corrupt(`expected a chunk of ${length} bytes at byte ${at}, found ${bytes.length - at - 12}`);
    }
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    const sum = crc32(Buffer.from(bytes.buffer, bytes.byteOffset + at + 4, length + 4));
    if (sum !== view.getUint32(at + 8 + length)) {
      throw corrupt(`expected the checksum of the chunk at byte ${at}, found another`);
    }
    if (!header) {
      if (type !== "IHDR" || length !== 13) throw corrupt("expected the header chunk first, found another");
      header = readHeader(view, at + 8);
    } else if (type === "PLTE") {
      if (length === 0 || length % 3 || length > 768) throw corrupt(`expected 1 to 256 colours, found ${length} bytes`);
      palette = body;
    } else if (type === "IDAT") {
      parts.push(body);
    } else if (type === "IEND") {
      break;
    }
    at += 12 + length;
  }
  if (header.colorType === 3 && !palette) throw corrupt("expected a palette, found none");
  return { header, palette, data: parts.length === 1 ? parts[0] : Buffer.concat(parts) };
}

function readHeader(view: DataView, at: number): PngHeader {
  const width = view.getUint32(at), height = view.getUint32(at + 4);
  checkImageSize("PNG", width, height);
  const depth = view.getUint8(at + 8), colorType = view.getUint8(at + 9), interlace = view.getUint8(at + 12);
  if (!DEPTHS[colorType]?.includes(depth)) {
    throw corrupt(`expected a known colour type and depth, found ${colorType} and ${depth}`);
  }
  if (view.getUint8(at + 10) !== 0 || view.getUint8(at + 11) !== 0 || interlace > 1) {
    throw corrupt("expected the standard's compression, filters and interlacing, found another");
  }
  return { width, height, depth, colorType, channels: CHANNELS[colorType], interlaced: interlace === 1 };
}

interface Pass {
  x: number;
  y: number;
  stepX: number;
  stepY: number;
  width: number;
  height: number;
  start: number;
}

/** First column and row, then the steps between them, of the seven passes. */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];

function passes(header: PngHeader): Pass[] {
  const found: Pass[] = [];
  let start = 0;
  for (const [x, y, stepX, stepY] of header.interlaced ? ADAM7 : [[0, 0, 1, 1]]) {
    const width = Math.ceil((header.width - x) / stepX), height = Math.ceil((header.height - y) / stepY);
    if (width <= 0 || height <= 0) continue;
    found.push({ x, y, stepX, stepY, width, height, start });
    start += (Math.ceil(width * header.channels * header.depth / 8) + 1) * height;
  }
  return found;
}

function rawLength(header: PngHeader): number {
  const last = passes(header).at(-1)!;
  return last.start + (Math.ceil(last.width * header.channels * header.depth / 8) + 1) * last.height;
}

function writeRow(
  row: Uint8Array,
  { depth, colorType, channels }: PngHeader,
  palette: Uint8Array | undefined,
  pixels: Uint8Array,
  out: number,
  count: number,
  step: number,
): void {
  const bytesPerSample = depth === 16 ? 2 : 1;
  const isColor = colorType === 2 || colorType === 6;
  const largest = (1 << Math.min(depth, 8)) - 1;
  for (let i = 0; i < count; i++, out += step) {
    if (isColor) {
      const at = i * channels * bytesPerSample;
      pixels[out] = row[at];
      pixels[out + 1] = row[at + bytesPerSample];
      pixels[out + 2] = row[at + 2 * bytesPerSample];
      continue;
    }
    const bit = i * depth;
    const sample = depth < 8 ? row[bit >> 3] >> (8 - depth - (bit & 7)) & largest : row[i * channels * bytesPerSample];
    if (palette) {
      if (colorType === 3) {
        if (sample * 3 >= palette.length) {
          throw corrupt(`expected a colour below ${palette.length / 3}, found ${sample}`);
        }
        pixels.set(palette.subarray(sample * 3, sample * 3 + 3), out);
        continue;
      }
    }
    pixels[out] = pixels[out + 1] = pixels[out + 2] = depth < 8 ? sample * 255 / largest : sample;
  }
}

function corrupt(found: string): InputError {
  return new InputError(`Cannot decode PNG: ${found}; the image is corrupt`);
}
