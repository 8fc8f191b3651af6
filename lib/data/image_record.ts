import { InputError } from "../errors.ts";

/** Bytes before the further labels and the image: u32 flag, f32 label, u64 id, u64 id2. */
export const IMAGE_HEADER_BYTES = 24;

/** A record's payload: a header with labels, then an encoded image. */
export interface ImageRecord {
  /** 0: the label is in the header. n > 0: n labels follow the header. */
  flag: number;
  /** The labels: one when `flag` is 0, else `flag` of them. The first is the class. */
  labels: Float32Array;
  /** The record's key, where its packer wrote it. */
  id: bigint;
  /** Zero as a rule. */
  id2: bigint;
  /** JPEG or PNG bytes; empty in record 0 and identity records. */
  image: Uint8Array;
}

/** What is packed into a record. */
export interface ImageRecordInput {
  /** The class, or several labels. A number is stored in the header (flag 0), an array after it (flag n). */
  label: number | ArrayLike<number>;
  /** The record's key. @default {0} */
  id?: number | bigint;
  /** Zero as a rule. @default {0} */
  id2?: number | bigint;
  /** Encoded bytes. @default {"none"} */
  image?: Uint8Array;
}

/**
 * Splits a record's payload into header and image. The image is a view of the payload.
 *
 * @param name what to call the record in messages, as "key 17 of train.rec"
 * @throws {InputError} if the payload is too short for its header and labels.
 *
 * @example
 * ```ts
 * import { decodeImageRecord, encodeImageRecord } from "./image_record.ts";
 *
 * const { labels, id, image } = decodeImageRecord(encodeImageRecord({ label: 3, id: 17, image: new Uint8Array([255]) }));
 * console.assert(labels[0] === 3 && id === 17n && image.length === 1);
 * ```
 */
export function decodeImageRecord(payload: Uint8Array, name = "an image record"): ImageRecord {
  if (payload.length < IMAGE_HEADER_BYTES) {
    throw new InputError(
      `Cannot read ${name}: expected a header of ${IMAGE_HEADER_BYTES} bytes, found ${payload.length} bytes in all`,
    );
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const flag = view.getUint32(0, true);
  const room = Math.floor((payload.length - IMAGE_HEADER_BYTES) / 4);
  if (flag > room) {
    throw new InputError(`Cannot read ${name}: expected ${flag} labels after its header, found room for ${room}`);
  }
  const labels = new Float32Array(Math.max(flag, 1));
  if (flag === 0) labels[0] = view.getFloat32(4, true);
  for (let i = 0; i < flag; i++) labels[i] = view.getFloat32(IMAGE_HEADER_BYTES + 4 * i, true);
  const image = payload.subarray(IMAGE_HEADER_BYTES + 4 * flag);
  return { flag, labels, id: view.getBigUint64(8, true), id2: view.getBigUint64(16, true), image };
}

/** Joins header, labels and image into a payload. */
export function encodeImageRecord(record: ImageRecordInput): Uint8Array {
  const { label, id = 0, id2 = 0, image } = record;
  const several = typeof label === "number" ? [] : label;
  const payload = new Uint8Array(IMAGE_HEADER_BYTES + 4 * several.length + (image?.length ?? 0));
  const view = new DataView(payload.buffer);
  view.setUint32(0, several.length, true);
  view.setFloat32(4, typeof label === "number" ? label : 0, true);
  view.setBigUint64(8, BigInt(id), true);
  view.setBigUint64(16, BigInt(id2), true);
  for (let i = 0; i < several.length; i++) view.setFloat32(IMAGE_HEADER_BYTES + 4 * i, several[i], true);
  if (image !== undefined) payload.set(image, IMAGE_HEADER_BYTES + 4 * several.length);
  return payload;
}

/** The id in the first bytes of a payload; undefined where they are too few or it is no safe integer. */
export function imageRecordId(start: Uint8Array): number | undefined {
  if (start.length < IMAGE_HEADER_BYTES) return undefined;
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const id = view.getUint32(8, true) + view.getUint32(12, true) * 2 ** 32;
  return Number.isSafeInteger(id) ? id : undefined;
}

/** Record 0 and identity records: two labels (a range of keys) and no image. */
export function isRangeRecord(record: ImageRecord): boolean {
  return record.flag === 2 && record.image.length === 0;
}
