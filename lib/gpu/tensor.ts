/** A tensor of tfjs, of any rank. */
export type Tensor = ReturnType<(typeof import("../deps/tfjs.ts"))["tensor"]>;
/** A tensor of tfjs of one value. */
export type Scalar = ReturnType<(typeof import("../deps/tfjs.ts"))["scalar"]>;
/** A tensor of tfjs of rank 1. */
export type Tensor1D = ReturnType<(typeof import("../deps/tfjs.ts"))["tensor1d"]>;
/** A tensor of tfjs of rank 2. */
export type Tensor2D = ReturnType<(typeof import("../deps/tfjs.ts"))["tensor2d"]>;
/** A tensor of tfjs of rank 4. */
export type Tensor4D = ReturnType<(typeof import("../deps/tfjs.ts"))["tensor4d"]>;
/** A tensor of tfjs whose value can change, such as a weight. */
export type Variable = ReturnType<(typeof import("../deps/tfjs.ts"))["variable"]>;
