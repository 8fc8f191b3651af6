/// <reference lib="deno.worker" />
import { RequestDecoder } from "./decode_images.ts";
import type { DecodeReply, DecodeRequest } from "./decode_request.ts";
import { serveWorker } from "./worker_pool.ts";

const decoder = new RequestDecoder();

serveWorker<DecodeRequest, DecodeReply>(async (request) => {
  const value = await decoder.decode(request);
  return { value, transfer: [value.pixels.buffer as ArrayBuffer] };
});
