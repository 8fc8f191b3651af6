import assert from "node:assert/strict";
import { textureReads } from "../../../lib/gpu/kernels/texture_reads.ts";
import { storage } from "../../../lib/gpu/kernels/wgsl.ts";

const kernel = `
${storage(0, "a", "vec4f", 8)}
${storage(1, "index", "u32")}
${storage(2, "a_sum", "f32", 8, "write")}
fn main() { let x = a[index[i * 2u] + index[1]].x; a_sum[0] = x + alpha[0]; }`;

Deno.test("textureReads() replaces what is only read, index inside index too, and leaves the rest", () => {
  const { wgsl, textures } = textureReads(kernel, 4);
  assert.deepEqual([...textures], [[0, { format: "rgba32float", bytes: 16 }], [1, { format: "r32uint", bytes: 4 }]]);
  assert.match(wgsl, /@binding\(0\) var a: texture_storage_2d<rgba32float, read>;/);
  assert.match(wgsl, /fn load_index\(i: u32\) -> u32 \{ return textureLoad\(index, .*\)\.x; \}/);
  assert.match(wgsl, /let x = load_a\(u32\(load_index\(u32\(i \* 2u\)\) \+ load_index\(u32\(1\)\)\)\)\.x;/);
  assert.match(wgsl, /a_sum\[0\] = x \+ alpha\[0\];/);
  assert.match(wgsl, /@binding\(2\) var<storage, read_write> a_sum: array<f32, 8>;/);
});

Deno.test("textureReads() takes no more than it may, and none is the kernel as it was", () => {
  const { wgsl, textures } = textureReads(kernel, 1);
  assert.deepEqual([...textures.keys()], [0]);
  assert.match(wgsl, /load_a\(u32\(index\[i \* 2u\] \+ index\[1\]\)\)\.x/);
  assert.equal(textureReads(kernel, 0).wgsl, kernel);
});

Deno.test("textureReads() refuses a bracket that does not close", () => {
  assert.throws(() => textureReads(`${storage(0, "a", "f32")} a[1`, 4), /expected a closing bracket after a\[/);
});
