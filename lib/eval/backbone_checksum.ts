import { crc32 } from "node:zlib";
import type { Backbone } from "../nn/backbone.ts";

/** Checksum of a backbone's weights: what was computed with others is not taken for its own. */
export async function backboneChecksum(backbone: Backbone): Promise<string> {
  let sum = crc32(new TextEncoder().encode(backbone.name));
  for (const { data } of (await backbone.parameters.state()).values()) {
    sum = crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum);
  }
  return sum.toString(16);
}
