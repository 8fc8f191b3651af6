import { IMAGE_HEADER_BYTES, imageRecordId } from "./image_record.ts";
import { RecordIndex } from "./record_index.ts";
import { RecordIndexRows } from "./record_index_rows.ts";

/** What a scan needs of a record file. */
export interface ScannedFile {
  /** Bytes in the file. */
  size: number;
  /** The first bytes of the record at `offset`, at most `length`. */
  start(offset: number, length: number): Uint8Array;
  /** Where the record after the one at `offset` begins. */
  next(offset: number): number;
}

/**
 * Rebuilds a record file's index from the records; of each only the header is read.
 *
 * Keys are 0, 1, 2 … in file order, as MXNet's own tool numbers them: record 0 comes first, and its ranges of keys count
 * that way. A file that was packed in shuffled order is the exception: there a record's place is not its key, but the
 * packer wrote the key as the header's id. So where the ids of all records together are exactly 0 … n-1, each once, they
 * are the keys; any other ids (all zero, repeated, from another numbering) are not.
 *
 * @throws {InputError} where a record is damaged.
 */
export function scanRecordIndex(file: ScannedFile): RecordIndex {
  const rows = new RecordIndexRows();
  // Rows under their header ids, as long as these may be keys. In a file in order they cost no more than offsets.
  let byId: RecordIndexRows | undefined = new RecordIndexRows();
  for (let offset = 0; offset < file.size; offset = file.next(offset)) {
    const id = imageRecordId(file.start(offset, IMAGE_HEADER_BYTES));
    rows.add(rows.size, offset);
    if (byId !== undefined && id !== undefined && id <= 0xffffffff) byId.add(id, offset);
    else byId = undefined;
  }
  return new RecordIndex(byId !== undefined && isPermutation(byId) ? byId : rows);
}

/** Are the keys exactly 0 … n-1, each once? */
function isPermutation(rows: RecordIndexRows): boolean {
  const seen = new Uint8Array(rows.size);
  for (let row = 0; row < rows.size; row++) {
    const key = rows.key(row);
    if (key >= rows.size || seen[key] === 1) return false;
    seen[key] = 1;
  }
  return true;
}
