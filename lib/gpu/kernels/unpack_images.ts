import type { KernelSpec } from "../kernel_spec.ts";
import { remembered } from "./remembered.ts";
import { flatIndex, spread, storage } from "./wgsl.ts";

/**
 * Unpacks RGB bytes to float32 NHWC with a fourth channel of zeros, normalised as (x/255 - 0.5)/0.5, mirrored where the
 * image's flag is set. Bindings: bytes [N*S*S*3 packed in u32], flips [N] (i32), output [N, S, S, 4].
 */
export const unpackImagesKernel = remembered(function (batch: number, imageSize: number): KernelSpec {
  const pixels = batch * imageSize * imageSize;
  const words = Math.ceil(pixels * 3 / 4);
  const { size, workgroups } = spread(pixels, 64);
  return {
    name: `unpack ${batch} images of ${imageSize}`,
    bindings: ["read", "read", "write"],
    workgroups,
    wgsl: `
${storage(0, "bytes", "u32", words)}
${storage(1, "flips", "i32", batch)}
${storage(2, "output", "vec4f", pixels, "write")}
fn byteAt(i: u32) -> f32 { return f32((bytes[i / 4u] >> (i % 4u * 8u)) & 255u); }
@compute @workgroup_size(${size})
fn main(@builtin(workgroup_id) wg: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = ${flatIndex(workgroups, size)};
  if (i >= ${pixels}u) { return; }
  let x = i % ${imageSize}u;
  let image = i / ${imageSize * imageSize}u;
  let from_ = select(i, i - x + ${imageSize - 1}u - x, flips[image] != 0) * 3u;
  let rgb = vec3f(byteAt(from_), byteAt(from_ + 1u), byteAt(from_ + 2u));
  output[i] = vec4f((rgb / 255.0 - 0.5) / 0.5, 0.0);
}`,
  };
});
