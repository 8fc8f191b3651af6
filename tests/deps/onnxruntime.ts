/** ONNX Runtime on WebAssembly: runs exported models in tests. Large, and no part of the library. */
export * from "npm:onnxruntime-web@1.30.0/wasm";
