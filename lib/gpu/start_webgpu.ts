import * as tf from "../deps/tfjs.ts";
import { WebGPUBackend } from "../deps/tfjs_webgpu.ts";
import { type AdapterFacts, describeAdapter, readsThroughTextures, requestAdapter } from "./adapter.ts";
import { ConvChoices } from "./conv_choices.ts";
import { openDevice } from "./open_device.ts";
import { KernelRunner } from "./kernel_runner.ts";

/** A running WebGPU device, with tfjs on it. */
export interface Gpu {
  /** Facts of the adapter. */
  readonly adapter: AdapterFacts;
  /** The device that tfjs and our own kernels share. */
  readonly device: GPUDevice;
  /** Runs our kernels on tensors. */
  readonly kernels: KernelRunner;
  /** Which way each convolution is computed. */
  readonly choices: ConvChoices;
  /** Nothing is computed, only counted: see {@linkcode onPaper}. */
  readonly onPaper: boolean;
  /** Settles with the reason when the device is lost; never before. */
  readonly lost: Promise<string>;
}

let running: Promise<Gpu> | undefined;

/**
 * Starts WebGPU with all the limits the adapter has and makes it the backend of tfjs. Calls after the first give the same
 * device: tfjs has one backend of a name, and JavaScript one tfjs.
 *
 * @throws {InputError} if the machine has no adapter.
 *
 * @example
 * ```ts ignore
 * import { startWebGPU } from "./start_webgpu.ts";
 *
 * const gpu = await startWebGPU();
 * console.log(gpu.adapter.name);
 * ```
 */
export function startWebGPU(): Promise<Gpu> {
  running ??= start().catch((error) => {
    running = undefined;
    throw error;
  });
  return running;
}

async function start(): Promise<Gpu> {
  const adapter = await requestAdapter();
  const facts = describeAdapter(adapter);
  const device = await openDevice(adapter, facts);
  const backend = new WebGPUBackend(device, adapter.info as ConstructorParameters<typeof WebGPUBackend>[1]);
  tf.removeBackend("webgpu");
  tf.registerBackend("webgpu", () => backend);
  // tfjs picks its split-K program for few rows and a long inner dimension; with a transposed second matrix its numbers are wrong.
  tf.env().set("WEBGPU_MATMUL_PROGRAM_TYPE", 3);
  await tf.setBackend("webgpu");
  await tf.ready();
  return {
    adapter: facts,
    device,
    kernels: new KernelRunner(device, backend, readsThroughTextures(facts)),
    choices: new ConvChoices(facts),
    onPaper: false,
    lost: device.lost.then((info) => `${info.reason}: ${info.message}`),
  };
}
