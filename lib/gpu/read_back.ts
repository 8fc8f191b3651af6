/** Most bytes read back at once, unless one buffer is larger. */
const READ_BYTES = 2 ** 26;

/** The first bytes of a buffer. */
export interface ReadSource {
  readonly buffer: GPUBuffer;
  /** How many. */
  readonly bytes: number;
}

/**
 * Gives the bytes of buffers, one after the other, as they are when all that was submitted is done. Each wait for the GPU takes milliseconds: many
 * are copied into one buffer that is waited for once. The bytes hold only while `take` runs.
 */
export async function readBack(
  device: GPUDevice,
  sources: readonly ReadSource[],
  take: (bytes: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  for (let from = 0; from < sources.length;) {
    let to = from;
    let size = 0;
    do size += sources[to++].bytes; while (to < sources.length && size + sources[to].bytes <= READ_BYTES);
    await readPart(device, sources.slice(from, to), size, take);
    from = to;
  }
}

async function readPart(
  device: GPUDevice,
  sources: readonly ReadSource[],
  size: number,
  take: (bytes: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: "read back", size, usage });
  const encoder = device.createCommandEncoder();
  let at = 0;
  for (const { buffer, bytes } of sources) {
    encoder.copyBufferToBuffer(buffer, 0, staging, at, bytes);
    at += bytes;
  }
  device.queue.submit([encoder.finish()]);
  try {
    await staging.mapAsync(GPUMapMode.READ);
    const all = new Uint8Array(staging.getMappedRange());
    at = 0;
    for (const { bytes } of sources) {
      take(all.subarray(at, at + bytes));
      at += bytes;
    }
  } finally {
    staging.destroy();
  }
}
