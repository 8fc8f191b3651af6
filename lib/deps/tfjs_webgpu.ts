/** tfjs on WebGPU: buffers, the command encoder, stock kernels. */
export * from "npm:@tensorflow/tfjs-backend-webgpu@4.22.0";
