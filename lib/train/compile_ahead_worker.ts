/** A worker of compileAhead(): runs one workgroup of each kernel on a device of its own, on buffers of whatever is in them. */
import { serveWorker } from "../data/worker_pool.ts";
import { describeAdapter, readsThroughTextures, requestAdapter } from "../gpu/adapter.ts";
import { openDevice } from "../gpu/open_device.ts";
import type { AskedKernel } from "../nn/asked_passes.ts";

let device: Promise<GPUDevice> | undefined;
/** One buffer that is read and one that is written, as large as any kernel so far wanted. */
const buffers: Partial<Record<"read" | "write", GPUBuffer>> = {};

async function start(): Promise<GPUDevice> {
  const adapter = await requestAdapter();
  return await openDevice(adapter, describeAdapter(adapter));
}

function bufferOf(gpu: GPUDevice, use: "read" | "write", size: number): GPUBuffer {
  const there = buffers[use];
  if (there && there.size >= size) return there;
  there?.destroy();
  return buffers[use] = gpu.createBuffer({ size, usage: GPUBufferUsage.STORAGE });
}

serveWorker<AskedKernel, boolean>(async ({ spec, bytes }) => {
  const gpu = await (device ??= start());
  const sizes = { read: 16, write: 16 };
  spec.bindings.forEach((use, i) => sizes[use] = Math.max(sizes[use], Math.ceil(bytes[i] / 16) * 16));
  const pipeline = gpu.createComputePipeline({
    layout: "auto",
    compute: { module: gpu.createShaderModule({ code: spec.wgsl }), entryPoint: "main" },
  });
  const both = { read: bufferOf(gpu, "read", sizes.read), write: bufferOf(gpu, "write", sizes.write) };
  const entries = spec.bindings.map((use, binding) => ({ binding, resource: { buffer: both[use] } }));
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  gpu.queue.submit([encoder.finish()]);
  return { value: true, transfer: [] };
});
