/** A worker of compileAhead(): runs one workgroup of each kernel on a device of its own, on buffers of whatever is in them. */
import { serveWorker } from "../data/worker_pool.ts";
import { describeAdapter, readsThroughTextures, requestAdapter } from "../gpu/adapter.ts";
import { textureReads } from "../gpu/kernels/texture_reads.ts";
import { openDevice } from "../gpu/open_device.ts";
import { TextureCopies } from "../gpu/texture_copies.ts";
import type { AskedKernel } from "../nn/asked_passes.ts";

/** What kernels are run on. */
interface Place {
  readonly device: GPUDevice;
  /** Bindings that may be textures. */
  readonly mostTextures: number;
  readonly copies: TextureCopies;
}

let place: Promise<Place> | undefined;
/** One buffer that is read and one that is written, as large as any kernel so far wanted. */
const buffers: Partial<Record<"read" | "write", GPUBuffer>> = {};

async function start(): Promise<Place> {
  const adapter = await requestAdapter();
  const facts = describeAdapter(adapter);
  const device = await openDevice(adapter, facts);
  const mostTextures = readsThroughTextures(facts) ? device.limits.maxStorageTexturesPerShaderStage : 0;
  return { device, mostTextures, copies: new TextureCopies(device) };
}

function bufferOf(device: GPUDevice, use: "read" | "write", size: number): GPUBuffer {
  const there = buffers[use];
  if (there && there.size >= size) return there;
  there?.destroy();
  return buffers[use] = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
}

serveWorker<AskedKernel, boolean>(async ({ spec, bytes }) => {
  const { device, mostTextures, copies } = await (place ??= start());
  const sizes = { read: 16, write: 16 };
  spec.bindings.forEach((use, i) => sizes[use] = Math.max(sizes[use], Math.ceil(bytes[i] / 16) * 16));
  const both = { read: bufferOf(device, "read", sizes.read), write: bufferOf(device, "write", sizes.write) };
  const { wgsl, textures } = textureReads(spec.wgsl, mostTextures);
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code: wgsl }), entryPoint: "main" },
  });
  const encoder = device.createCommandEncoder();
  const entries = spec.bindings.map((use, binding) => {
    const texture = textures.get(binding);
    // What is read does not matter: a texel beyond the copy is zero.
    const small = { buffer: both[use], offset: 0, size: 16 };
    return { binding, resource: texture ? copies.of(small, texture, () => encoder) : { buffer: both[use] } };
  });
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  device.queue.submit([encoder.finish()]);
  return { value: true, transfer: [] };
});
