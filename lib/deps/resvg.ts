/** SVG to pixels: resvg compiled to WebAssembly. Its licence is MPL 2.0. */
export { initWasm, Resvg } from "npm:@resvg/resvg-wasm@2.6.2";

/** Where the package's WebAssembly file was put when its modules were loaded. */
export function resvgWasmUrl(): string {
  return import.meta.resolve("npm:@resvg/resvg-wasm@2.6.2/index_bg.wasm");
}
