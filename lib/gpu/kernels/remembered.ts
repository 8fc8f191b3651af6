import type { KernelSpec } from "../kernel_spec.ts";

/**
 * The same generator, which makes a kernel once for the same arguments and gives that one afterwards: a training step asks for over a
 * thousand kernels, and writing their texts takes longer than the GPU takes to run them. Arguments are plain data.
 */
export function remembered<Arguments extends readonly unknown[]>(
  make: (...args: Arguments) => KernelSpec,
): (...args: Arguments) => KernelSpec {
  const made = new Map<string, KernelSpec>();
  return (...args) => {
    const key = JSON.stringify(args);
    let spec = made.get(key);
    if (!spec) made.set(key, spec = make(...args));
    return spec;
  };
}
