/** JPEG: libjpeg-turbo compiled to WebAssembly (and the same, slower, as plain JavaScript). */
import factory from "npm:@cornerstonejs/codec-libjpeg-turbo-8bit@1.2.8/wasmjs";

/** What describes an image to the encoder and from the decoder. */
export interface FrameInfo {
  /** Pixels. */
  width: number;
  /** Pixels. */
  height: number;
  /** 8; the encoder sizes its buffers by it. */
  bitsPerSample: number;
  /** 1 grey, 3 colour. */
  componentCount: number;
  /** Always false. */
  isSigned: boolean;
}

/** One decoder; memory in the module's heap is held until `delete()`. */
export interface JpegDecoderHandle {
  /** A view of `size` bytes in the module's heap to put the file's bytes into. */
  getEncodedBuffer(size: number): Uint8Array;
  /** Decodes; throws a number (a C++ exception's address) where libjpeg reports an error or a warning. */
  decode(): void;
  /** A copy of the decoded pixels. */
  getDecodedBuffer(): Uint8ClampedArray;
  /** Size and components of the decoded image. */
  getFrameInfo(): FrameInfo;
  /** Frees the heap memory. */
  delete(): void;
}

/** One encoder; memory in the module's heap is held until `delete()`. */
export interface JpegEncoderHandle {
  /** A view in the module's heap to put the pixels into. */
  getDecodedBuffer(frame: FrameInfo): Uint8Array;
  /** Encodes; throws a number where libjpeg reports an error. */
  encode(): void;
  /** A copy of the file's bytes. */
  getEncodedBuffer(): Uint8ClampedArray;
  /** 1 progressive, 0 baseline. */
  setProgressive(progressive: number): void;
  /** 1 to 100. */
  setQuality(quality: number): void;
  /** TurboJPEG's TJSAMP: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0. */
  setSubSampling(subsampling: number): void;
  /** Frees the heap memory. */
  delete(): void;
}

/** One instance of the module, with a heap of its own. */
export interface JpegModule {
  /** Makes a decoder. */
  JPEGDecoder: new () => JpegDecoderHandle;
  /** Makes an encoder. */
  JPEGEncoder: new () => JpegEncoderHandle;
  /** The heap. */
  HEAPU8: Uint8Array;
}

/** What an instance is made with. */
export interface JpegModuleOptions {
  /** Lines for standard output. */
  print?: (line: string) => void;
  /** Lines for standard error. */
  printErr?: (line: string) => void;
  /** Makes the instance; when it calls `done` before it returns, the module is ready at once. */
  instantiateWasm?: (
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => unknown,
  ) => unknown;
}

/** Makes an instance; the options object itself becomes the module. */
export type JpegModuleFactory = (options: JpegModuleOptions) => Promise<JpegModule>;

/** The WebAssembly build: wants the bytes at `jpegTurboWasmUrl()`. */
export const createWasmModule: JpegModuleFactory = factory;

/** Where the package's WebAssembly file was put when its modules were loaded. */
export function jpegTurboWasmUrl(): string {
  return import.meta.resolve("npm:@cornerstonejs/codec-libjpeg-turbo-8bit@1.2.8/wasm");
}

/** The same code as plain JavaScript, which needs no file: half as fast. Loaded only when asked for. */
export async function loadScriptFactory(): Promise<JpegModuleFactory> {
  return (await import("npm:@cornerstonejs/codec-libjpeg-turbo-8bit@1.2.8")).default;
}
