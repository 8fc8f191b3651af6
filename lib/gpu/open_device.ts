import type { AdapterFacts } from "./adapter.ts";

/** Features we use where the adapter has them. */
const WANTED_FEATURES = ["timestamp-query", "shader-f16"];

/** Limits that are raised to the adapter's own. More of the others buys nothing, and some drivers refuse their own maximum. */
const RAISED_LIMITS =
  /^max(StorageBufferBindingSize|BufferSize|ComputeWorkgroupStorageSize|ComputeInvocationsPerWorkgroup|ComputeWorkgroupSizeX|StorageBuffersPerShaderStage|StorageTexturesPerShaderStage)$/;

/** A device of the adapter with all the limits that kernels use. */
export function openDevice(adapter: GPUAdapter, { limits, features }: AdapterFacts): Promise<GPUDevice> {
  return adapter.requestDevice({
    requiredFeatures: WANTED_FEATURES.filter((name) => features.includes(name)) as GPUFeatureName[],
    requiredLimits: Object.fromEntries(Object.entries(limits).filter(([name]) => RAISED_LIMITS.test(name))),
  });
}
