import { storage } from "./wgsl.ts";

/** A batch-norm, and perhaps a PReLU, that is done to values while they are read: the normalised tensor is never written. */
export interface NormOnLoad {
  /** Followed by PReLU. */
  readonly prelu: boolean;
}

/** Rows of the table of a norm: mean, scale, shift, and the slope of a PReLU. */
export const normRows = ({ prelu }: NormOnLoad): number => prelu ? 4 : 3;

/** Declares the table [rows, channels]. */
export function normBinding(binding: number, norm: NormOnLoad, channels: number): string {
  return storage(binding, "norm", "vec4f", normRows(norm) * channels / 4);
}

/** Pieces of WGSL: what a vector of channels needs once, and what is done to each value. */
export const normOnLoad = {
  setup(norm: NormOnLoad, vector: string, wide: number, name = ""): string {
    const row = (i: number) => `norm[${i * wide}u + ${vector}]`;
    return `let mean${name} = ${row(0)}; let scale${name} = ${row(1)}; let shift${name} = ${row(2)};` +
      (norm.prelu ? ` let negative${name} = ${row(3)};` : "");
  },
  apply(norm: NormOnLoad, value: string, name = ""): string {
    const affine = `((${value} - mean${name}) * scale${name} + shift${name})`;
    // max and min in place of a comparison: the value is computed once.
    return norm.prelu ? `(max(${affine}, vec4f()) + negative${name} * min(${affine}, vec4f()))` : affine;
  },
};
