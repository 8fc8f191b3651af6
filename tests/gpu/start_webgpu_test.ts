import assert from "node:assert/strict";
import * as tf from "../../lib/deps/tfjs.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";

Deno.test("startWebGPU() starts once, with all the memory limits of the adapter, under tfjs", async () => {
  const [gpu, again] = await Promise.all([startWebGPU(), startWebGPU()]);
  assert.ok(gpu === again);
  assert.equal(tf.getBackend(), "webgpu");
  const { limits } = gpu.device;
  assert.equal(limits.maxBufferSize, gpu.adapter.limits.maxBufferSize);
  assert.equal(limits.maxStorageBufferBindingSize, gpu.adapter.limits.maxStorageBufferBindingSize);
  const backend = tf.backend() as unknown as { device: GPUDevice };
  assert.ok(backend.device === gpu.device);
});

Deno.test("without an adapter startWebGPU() says in one line what to install", async () => {
  const url = new URL("../../lib/gpu/start_webgpu.ts", import.meta.url).href;
  const code = `import { startWebGPU } from ${JSON.stringify(url)};
try { await startWebGPU(); console.log("started"); } catch (e) { console.log(e.name, e.message); }`;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", code],
    env: NO_ADAPTER,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /^InputError Cannot start WebGPU: expected .* adapter, found none; .*mesa-vulkan-drivers.*\n$/);
});

/** An environment in which no Vulkan driver is found. */
const NO_ADAPTER = {
  VK_DRIVER_FILES: "/nowhere/none.json",
  VK_ICD_FILENAMES: "/nowhere/none.json",
  DENO_WEBGPU_BACKEND: "vulkan",
};
