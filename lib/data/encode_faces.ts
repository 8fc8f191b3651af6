import { createCodec, type ImageCodec } from "./image_codec.ts";
import { syntheticFace } from "./synthetic_face.ts";
import type { FacesReply, FacesRequest } from "./synthetic_faces_request.ts";

let codec: Promise<ImageCodec> | undefined;

/** Draws and encodes faces in the thread it is called in. Always by the same codec: a set's bytes must not depend on the machine. */
export async function encodeFaces(request: FacesRequest): Promise<FacesReply> {
  const { faces, quality, ...options } = request;
  const encoder = await (codec ??= createCodec("wasm"));
  const files: Uint8Array[] = [];
  for (let i = 0; i < faces.length; i += 2) {
    const pixels = syntheticFace({ ...options, identity: faces[i], sample: faces[i + 1] });
    files.push(encoder.encodeJpeg({ width: options.imageSize, height: options.imageSize, pixels }, { quality }));
  }
  const bytes = new Uint8Array(files.reduce((sum, file) => sum + file.length, 0));
  let at = 0;
  for (const file of files) {
    bytes.set(file, at);
    at += file.length;
  }
  return { bytes, lengths: Uint32Array.from(files, (file) => file.length) };
}
