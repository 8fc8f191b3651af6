import {
  createWasmModule,
  type FrameInfo,
  type JpegDecoderHandle,
  type JpegEncoderHandle,
  type JpegModule,
  type JpegModuleFactory,
  type JpegModuleOptions,
  jpegTurboWasmUrl,
  loadScriptFactory,
} from "../deps/jpeg_turbo.ts";
import { InputError } from "../errors.ts";
import type { JpegHeader } from "./jpeg_header.ts";
import { encodedBound, type JpegLibrary, type JpegOptions, SUBSAMPLING } from "./jpeg_library.ts";
import type { RgbImage } from "./rgb_image.ts";

/**
 * Errors after which the instance is replaced: each one leaves about 3.5 KB of its heap, and some of its 64 KB stack,
 * behind (C++ exceptions are thrown through frames that are not unwound).
 */
const ERRORS_PER_INSTANCE = 16;

/** An instance whose heap grew beyond this for one large image is replaced, so that the memory is given back. */
const MAX_HEAP = 192 * 1024 * 1024;

/**
 * Opens libjpeg-turbo as WebAssembly.
 *
 * The package's .wasm file is read where Deno keeps it; where that is not allowed or possible (no read permission, a
 * one-file bundle), the package's plain-JavaScript build of the same source takes its place at half the speed.
 */
export async function openWasmJpeg(): Promise<JpegLibrary> {
  const wasm = await compileWasm();
  if (wasm) return new WasmJpeg("wasm libjpeg-turbo", instantiate(wasm), () => instantiate(wasm));
  const factory = await loadScriptFactory();
  return new WasmJpeg("javascript libjpeg-turbo", await factory({ ...SILENT }), undefined);
}

const SILENT = { print: () => {}, printErr: () => {} };

async function compileWasm(): Promise<WebAssembly.Module | undefined> {
  try {
    const url = new URL(jpegTurboWasmUrl());
    if (url.protocol !== "file:") return undefined;
    if ((await Deno.permissions.query({ name: "read", path: url })).state !== "granted") return undefined;
    return await WebAssembly.compile(await Deno.readFile(url));
  } catch {
    return undefined;
  }
}

function instantiate(wasm: WebAssembly.Module, factory: JpegModuleFactory = createWasmModule): JpegModule {
  // The factory fills the object it is given; since the instance is handed over at once, it is ready when it returns.
  const options: JpegModuleOptions = {
    ...SILENT,
    instantiateWasm: (imports, done) => done(new WebAssembly.Instance(wasm, imports), wasm),
  };
  factory(options).catch(() => {});
  const module = options as unknown as JpegModule;
  if (!module.JPEGDecoder) throw new Error("the JPEG module was not ready after it was instantiated");
  return module;
}

class WasmJpeg implements JpegLibrary {
  readonly name: string;
  readonly #renew: (() => JpegModule) | undefined;
  #module: JpegModule;
  #decoder: JpegDecoderHandle | undefined;
  #encoder: JpegEncoderHandle | undefined;
  #errors = 0;

  constructor(name: string, module: JpegModule, renew: (() => JpegModule) | undefined) {
    this.name = name;
    this.#module = module;
    this.#renew = renew;
  }

  decode(bytes: Uint8Array, header: JpegHeader): Uint8Array {
    try {
      const decoder = this.#decoder ??= new this.#module.JPEGDecoder();
      decoder.getEncodedBuffer(bytes.length).set(bytes);
      decoder.decode();
      const { width, height, componentCount } = decoder.getFrameInfo();
      if (width !== header.width || height !== header.height) throw 0; // a second frame header
      const decoded = decoder.getDecodedBuffer();
      const pixels = new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.length);
      if (this.#module.HEAPU8.length > MAX_HEAP) this.#replace();
      return componentCount === 1 ? greyToRgb(pixels) : pixels;
    } catch (error) {
      this.#recover(error);
      throw new InputError(
        "Cannot decode JPEG: expected whole image data, found it broken or cut off; the image is corrupt",
      );
    }
  }

  encode(image: RgbImage, { quality = 90, subsampling = "4:2:0" }: JpegOptions = {}): Uint8Array {
    const { width, height, pixels } = image;
    try {
      const encoder = this.#encoder ??= new this.#module.JPEGEncoder();
      encoder.setProgressive(0);
      encoder.setQuality(quality);
      encoder.setSubSampling(SUBSAMPLING[subsampling]);
      encoder.getDecodedBuffer(encoderFrame(width, height)).set(pixels);
      encoder.encode();
      const encoded = encoder.getEncodedBuffer();
      return new Uint8Array(encoded.buffer, encoded.byteOffset, encoded.length);
    } catch (error) {
      this.#recover(error);
      throw new Error(`the JPEG encoder refused an image of ${width}x${height} at quality ${quality}`);
    }
  }

  close(): void {
    this.#decoder?.delete();
    this.#encoder?.delete();
    this.#decoder = this.#encoder = undefined;
  }

  /** After a C++ exception (a number) the instance can go on for a while; after anything else it cannot. */
  #recover(error: unknown): void {
    this.#errors++;
    if (typeof error !== "number" || this.#errors >= ERRORS_PER_INSTANCE) this.#replace();
  }

  #replace(): void {
    this.#errors = 0;
    if (!this.#renew) {
      this.close();
      return;
    }
    this.#decoder = this.#encoder = undefined; // their memory goes with the old instance
    this.#module = this.#renew();
  }
}

/**
 * The encoder writes into a buffer of width * height * components * bytes per sample without looking at its end, which
 * tiny images and noise at high quality pass; the numbers of components (all but 1 mean RGB) and bits serve for nothing
 * else, so they are made large enough.
 */
function encoderFrame(width: number, height: number): FrameInfo {
  const bound = encodedBound(width, height), area = width * height;
  const componentCount = Math.min(255, Math.max(3, Math.ceil(bound / area)));
  const bitsPerSample = 8 * Math.ceil(bound / area / componentCount);
  return { width, height, bitsPerSample, componentCount, isSigned: false };
}

function greyToRgb(grey: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(grey.length * 3);
  for (let i = 0, o = 0; i < grey.length; i++, o += 3) rgb[o] = rgb[o + 1] = rgb[o + 2] = grey[i];
  return rgb;
}
