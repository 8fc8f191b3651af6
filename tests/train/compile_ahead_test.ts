import assert from "node:assert/strict";
import { sumPartsKernel } from "../../lib/gpu/kernels/sum_parts.ts";
import { compileAhead } from "../../lib/train/compile_ahead.ts";

/** So many kernels, each another. */
const kernels = (count: number) =>
  Array.from({ length: count }, (_, i) => {
    const spec = sumPartsKernel(1, 2, 4 * (i + 1));
    return { spec, bytes: [32 * (i + 1), 16 * (i + 1)] };
  });

Deno.test("compileAhead() runs every kernel in workers and tells of each", async () => {
  const seen: string[] = [];
  const done = await compileAhead(kernels(30), { workers: 2, report: (n, of) => seen.push(`${n}/${of}`) });
  assert.equal(done, 30);
  assert.deepEqual(seen, Array.from({ length: 30 }, (_, i) => `${i + 1}/30`));
});

Deno.test("compileAhead() leaves what is not worth a worker, or needs large buffers, to the first step", async () => {
  assert.equal(await compileAhead(kernels(3), { workers: 2 }), 0);
  assert.equal(await compileAhead(kernels(30), { workers: 1 }), 0);
  const large = kernels(30).map((kernel) => ({ ...kernel, bytes: [2 ** 27, 2 ** 26] }));
  assert.equal(await compileAhead(large, { workers: 2 }), 0);
});

Deno.test("compileAhead() ends when told, and with a kernel that does not compile", async () => {
  const controller = new AbortController();
  const ended = compileAhead(kernels(60), { workers: 2, report: () => controller.abort(), signal: controller.signal });
  assert.ok(await ended < 60);
  const broken = kernels(30).map((kernel) => ({ ...kernel, spec: { ...kernel.spec, wgsl: "no kernel" } }));
  await compileAhead(broken, { workers: 2 });
});
