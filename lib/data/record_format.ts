/** What reader and writer of RecordIO files share: a record is one or more parts, each under an 8-byte header. */

/** Marks every part's beginning: u32, little-endian. */
export const RECORD_MAGIC = 0xced7230a;

/** A payload is shorter than this: its length has 29 bits. */
export const RECORD_LENGTH_LIMIT = 2 ** 29;

/** Bytes of a part's header: the magic, then `part << 29 | length`. */
export const PART_HEADER_BYTES = 8;

/** The upper three bits of a part's second word. */
export const PART = { whole: 0, first: 1, middle: 2, last: 3 } as const;

/** The index that stands beside a record file: `train.rec` has `train.idx`. */
export function indexPathOf(recordPath: string): string {
  return recordPath.replace(/\.rec$/i, "") + ".idx";
}
