/** How a kernel uses one of its buffers. */
export type BindingUse = "read" | "write";

/**
 * A compute kernel as plain data: WGSL text with every dimension written into it as a constant, what its buffers are
 * for, and how many workgroups to start. It knows nothing of tfjs and nothing of a device.
 *
 * The WGSL text is the cache key: two specs with the same text share one pipeline.
 */
export interface KernelSpec {
  /** For messages and profiles, such as "conv2d 3x3 64->64". */
  readonly name: string;
  /** WGSL source; binding i of group 0 is buffer i; the entry point is `main`. */
  readonly wgsl: string;
  /** One per binding, in order. */
  readonly bindings: readonly BindingUse[];
  /** Workgroups in x, y, z. */
  readonly workgroups: readonly [number, number, number];
}
