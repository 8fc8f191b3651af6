import { InputError } from "../errors.ts";
import type { JpegHeader } from "./jpeg_header.ts";
import { encodedBound, type JpegLibrary, type JpegOptions, SUBSAMPLING } from "./jpeg_library.ts";
import type { RgbImage } from "./rgb_image.ts";

/** The functions of TurboJPEG's second interface, which version 3 keeps. `unsigned long` is 32 bits on Windows only. */
const LONG = Deno.build.os === "windows" ? "u32" : "u64";
const SYMBOLS = {
  tjInitDecompress: { parameters: [], result: "pointer" },
  tjInitCompress: { parameters: [], result: "pointer" },
  tjDestroy: { parameters: ["pointer"], result: "i32" },
  tjGetErrorStr2: { parameters: ["pointer"], result: "pointer" },
  tjDecompress2: {
    parameters: ["pointer", "buffer", LONG, "buffer", "i32", "i32", "i32", "i32", "i32"],
    result: "i32",
  },
  tjCompress2: {
    parameters: ["pointer", "buffer", "i32", "i32", "i32", "i32", "buffer", "buffer", "i32", "i32", "i32"],
    result: "i32",
  },
} as const;

const PIXELS_RGB = 0; // TJPF_RGB
const NO_REALLOC = 1024; // TJFLAG_NOREALLOC

/** Where systems keep it; a bare name is looked up by the system's loader. */
const FILES: Partial<Record<typeof Deno.build.os, string[]>> = {
  linux: ["libturbojpeg.so.0", "libturbojpeg.so"],
  darwin: ["/opt/homebrew/lib/libturbojpeg.dylib", "/usr/local/lib/libturbojpeg.dylib", "libturbojpeg.dylib"],
  windows: ["turbojpeg.dll"],
};

/**
 * Opens the system's libturbojpeg: several times as fast as WebAssembly, the same pixels.
 *
 * @param path A file to open instead of the ones known for this system.
 * @returns undefined where there is none or foreign functions are not allowed (`--allow-ffi`); it never asks.
 */
export function openTurboJpeg(path?: string): JpegLibrary | undefined {
  for (const file of path === undefined ? FILES[Deno.build.os] ?? [] : [path]) {
    try {
      if (Deno.permissions.querySync({ name: "ffi", path: file }).state !== "granted") continue;
      return new TurboJpeg(Deno.dlopen(file, SYMBOLS));
    } catch {
      continue; // not there, or not this library
    }
  }
  return undefined;
}

class TurboJpeg implements JpegLibrary {
  readonly name = "system libturbojpeg";
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  #decompressor: Deno.PointerValue = null;
  #compressor: Deno.PointerValue = null;
  #closed = false;

  constructor(library: Deno.DynamicLibrary<typeof SYMBOLS>) {
    this.#library = library;
  }

  decode(bytes: Uint8Array, { width, height }: JpegHeader): Uint8Array {
    const { tjInitDecompress, tjDecompress2 } = this.#library.symbols;
    const handle = this.#decompressor ??= tjInitDecompress();
    if (!handle) throw new Error(`libturbojpeg gave no decompressor: ${this.#reason(null)}`);
    const pixels = new Uint8Array(width * height * 3);
    // Fails on warnings too. The size is given again: where the file has a second frame header, it is scaled or refused.
    const failed = tjDecompress2(handle, data(bytes), bytes.length, pixels, width, 0, height, PIXELS_RGB, 0);
    if (failed) throw new InputError(`Cannot decode JPEG: ${this.#reason(handle)}; the image is corrupt`);
    return pixels;
  }

  encode(image: RgbImage, { quality = 90, subsampling = "4:2:0" }: JpegOptions = {}): Uint8Array {
    const { tjInitCompress, tjCompress2 } = this.#library.symbols;
    const handle = this.#compressor ??= tjInitCompress();
    if (!handle) throw new Error(`libturbojpeg gave no compressor: ${this.#reason(null)}`);
    const { width, height, pixels } = image;
    const out = new Uint8Array(encodedBound(width, height));
    const where = new BigUint64Array([BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(out)))]);
    const length = new BigUint64Array([BigInt(out.length)]);
    const failed = tjCompress2(
      handle,
      data(pixels),
      width,
      0,
      height,
      PIXELS_RGB,
      where,
      length,
      SUBSAMPLING[subsampling],
      quality,
      NO_REALLOC,
    );
    if (failed) throw new Error(`the JPEG encoder refused an image of ${width}x${height}: ${this.#reason(handle)}`);
    return out.slice(0, Number(BigInt.asUintN(32, length[0])));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { tjDestroy } = this.#library.symbols;
    for (const handle of [this.#decompressor, this.#compressor]) if (handle) tjDestroy(handle);
    this.#decompressor = this.#compressor = null;
    this.#library.close();
  }

  #reason(handle: Deno.PointerValue): string {
    const text = this.#library.symbols.tjGetErrorStr2(handle);
    return text ? Deno.UnsafePointerView.getCString(text).trim() : "no reason given";
  }
}

/** Foreign functions take plain buffers only, not shared ones. */
function data(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? bytes as Uint8Array<ArrayBuffer> : new Uint8Array(bytes);
}
