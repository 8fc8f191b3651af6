import type { CodecKind } from "./image_codec.ts";
import type { ImageSource } from "./image_source.ts";

/** What an ImageDecoder sends to a worker: one message for many images. */
export interface DecodeRequest {
  /** Decoded images are resized to this many pixels a side. */
  readonly imageSize: number;
  /** Which JPEG library; the first request of a worker decides. */
  readonly codec: CodecKind;
  /** Record and file sources as they are; for bytes, their length in `bytes`. */
  readonly sources: readonly (Exclude<ImageSource, { kind: "bytes" }> | number)[];
  /** The encoded images of all `bytes` sources, one after the other; moved, not copied. */
  readonly bytes: Uint8Array;
  /** [images, 10] landmarks to align by; without them images are resized. */
  readonly landmarks?: Float64Array;
  /** Are checksums of the encoded images asked for? */
  readonly checksums?: boolean;
}

/** What a worker sends back for it. */
export interface DecodeReply {
  /** The JPEG library's name. */
  readonly codec: string;
  /** [images, imageSize, imageSize, 3]; zeros where an image is corrupt. Moved, not copied. */
  readonly pixels: Uint8Array;
  /** The class of each image; NaN where there is none. */
  readonly labels: Float64Array;
  /** [images, 2]: width and height before resizing. */
  readonly sizes: Int32Array;
  /** [images, 2]: the first 64 bits of SHA-256 of each encoded image, where asked for; zeros where it cannot be read. */
  readonly checksums: Uint32Array | undefined;
  /** Why an image could not be decoded, by its place. */
  readonly errors: ReadonlyMap<number, string>;
}
