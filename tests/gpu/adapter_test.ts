import assert from "node:assert/strict";
import { describeAdapter, INSTALL_DRIVER } from "../../lib/gpu/adapter.ts";

/** What WebGPU gives, as far as describeAdapter() looks. */
function adapter(info: Record<string, unknown>, limits: Record<string, unknown> = {}): GPUAdapter {
  return { info, limits, features: new Set(["timestamp-query", "shader-f16"]) } as unknown as GPUAdapter;
}

Deno.test("describeAdapter() gives plain data with features in order and limits by name", () => {
  const facts = describeAdapter(
    adapter({ description: "NVIDIA H200", vendor: "4318", device: "9013", architecture: "" }, {
      maxBufferSize: 2 ** 40,
      label: "not a number",
    }),
  );
  assert.deepEqual(facts, {
    name: "NVIDIA H200",
    vendor: "4318",
    device: "9013",
    software: false,
    features: ["shader-f16", "timestamp-query"],
    limits: { maxBufferSize: 2 ** 40 },
  });
});

Deno.test("describeAdapter() knows software adapters by their flag or name", () => {
  const info = { description: "", vendor: "65541", device: "0", architecture: "" };
  assert.equal(describeAdapter(adapter({ ...info, isFallbackAdapter: true })).software, true);
  assert.equal(describeAdapter(adapter({ ...info, description: "llvmpipe (LLVM 15.0.6, 256 bits)" })).software, true);
  assert.equal(describeAdapter(adapter(info)).software, false);
});

Deno.test("an adapter without a name gets one from its vendor and architecture", () => {
  const info = { description: "", vendor: "apple", device: "", architecture: "metal-3" };
  assert.equal(describeAdapter(adapter(info)).name, "apple metal-3");
  assert.equal(describeAdapter(adapter({ ...info, vendor: "", architecture: "" })).name, "unnamed adapter");
});

Deno.test("INSTALL_DRIVER is one line", () => assert.match(INSTALL_DRIVER, /^apt-get install [\w -]+$/));
