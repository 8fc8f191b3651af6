/** Tensors, the tape, the cpu reference backend. */
export * from "npm:@tensorflow/tfjs@4.22.0";
