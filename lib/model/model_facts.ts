import { createHash } from "node:crypto";
import { ByteFile } from "../data/byte_file.ts";
import { ioError } from "../data/io_error.ts";
import type { ReportedModel } from "../eval/report/pair_report.ts";
import type { Model } from "./load_model.ts";

/** Bytes read at once. */
const PIECE = 1 << 22;

/**
 * Which model this is: its file's size, checksum and date, and what the network is.
 *
 * @throws {InputError} if the file can no longer be read.
 */
export function modelFacts({ path, backbone }: Pick<Model, "path" | "backbone">): ReportedModel {
  using file = ByteFile.open(path, "read model");
  const hash = createHash("sha256");
  for (let at = 0; at < file.size; at += PIECE) hash.update(file.read(at, Math.min(PIECE, file.size - at)));
  const { width, imageSize, embeddingSize } = backbone.options;
  return {
    path,
    bytes: file.size,
    sha256: hash.digest("hex"),
    written: modified(path),
    network: backbone.name,
    parameters: backbone.parameters.size,
    width,
    imageSize,
    embeddingSize,
  };
}

function modified(path: string): string | undefined {
  try {
    return Deno.statSync(path).mtime?.toISOString();
  } catch (error) {
    throw ioError("read model", path, error);
  }
}
