/// <reference lib="deno.worker" />
import { encodeFaces } from "./encode_faces.ts";
import type { FacesReply, FacesRequest } from "./synthetic_faces_request.ts";
import { serveWorker } from "./worker_pool.ts";

serveWorker<FacesRequest, FacesReply>(async (request) => {
  const value = await encodeFaces(request);
  return { value, transfer: [value.bytes.buffer as ArrayBuffer] };
});
