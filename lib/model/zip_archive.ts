import { crc32 } from "node:zlib";
import type { ByteFile } from "../data/byte_file.ts";
import { decodeUtf8 } from "../data/pickle_values.ts";

/** One file of a zip archive. */
export interface ZipEntry {
  /** Its name with folders, such as `archive/data.pkl`. */
  readonly name: string;
  /** Bytes of it, as stored. */
  readonly size: number;
  /** Whether it is stored as it is; otherwise it is compressed and cannot be read here. */
  readonly stored: boolean;
  /** CRC-32 of its bytes; 0 where the writer computed none. */
  readonly checksum: number;
  /** Byte of the archive at which its local header lies. */
  readonly headerOffset: number;
}

const END_MAGIC = 0x06054b50, END_BYTES = 22;
const LOCATOR_MAGIC = 0x07064b50, LOCATOR_BYTES = 20;
const END64_MAGIC = 0x06064b50, END64_BYTES = 56;
const CENTRAL_MAGIC = 0x02014b50, CENTRAL_BYTES = 46;
const LOCAL_MAGIC = 0x04034b50, LOCAL_BYTES = 30;
/** A comment may follow the end record. */
const LONGEST_COMMENT = 65535;
/** The list of files; 64 MiB is about 700,000 of them. */
const MOST_LIST_BYTES = 1 << 26;
/** Set where a size or place is in the 64-bit extra field. */
const IN_EXTRA = 0xffffffff;
const CUT_SHORT = "the file is cut short or damaged";

/** A zip archive read by position: its list of files is held, their bytes are read when asked for. */
export class ZipArchive {
  /** Files by name. */
  readonly entries: ReadonlyMap<string, ZipEntry>;
  readonly #file: ByteFile;

  /**
   * Reads the list of files, at the archive's end.
   *
   * @throws {InputError} naming file and byte, if it is not a zip archive, cut short or damaged.
   */
  constructor(file: ByteFile) {
    this.#file = file;
    this.entries = readList(file);
  }

  /**
   * The byte of the file at which an entry's bytes begin; they are all there.
   *
   * @throws {InputError} if its header is damaged or it is compressed.
   */
  dataOffset({ name, size, stored, headerOffset }: ZipEntry): number {
    const file = this.#file;
    if (!stored) {
      file.fail(
        `expected ${name} to be stored as it is, found it compressed,`,
        headerOffset,
        "PyTorch does not compress: unpack the archive and zip it again with zip -0",
      );
    }
    const view = viewOf(file.read(headerOffset, LOCAL_BYTES));
    if (view.getUint32(0, true) !== LOCAL_MAGIC) {
      file.fail(`expected the header of ${name}, found other bytes`, headerOffset);
    }
    const start = headerOffset + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
    if (size > file.size - start) {
      file.fail(`expected ${size} bytes of ${name}, found the end of the file (${file.size} bytes)`, start, CUT_SHORT);
    }
    return start;
  }

  /**
   * The bytes of an entry, checked against its checksum where it has one.
   *
   * @throws {InputError} if they are not all there, compressed, or damaged.
   */
  read(entry: ZipEntry): Uint8Array<ArrayBuffer> {
    const start = this.dataOffset(entry);
    const bytes = this.#file.read(start, entry.size);
    if (entry.checksum !== 0 && crc32(bytes) !== entry.checksum) {
      this.#file.fail(`expected ${entry.name} with checksum ${hex(entry.checksum)}, found ${hex(crc32(bytes))}`, start);
    }
    return bytes;
  }
}

function readList(file: ByteFile): Map<string, ZipEntry> {
  const { count, offset, size, end } = findList(file);
  if (size > MOST_LIST_BYTES || offset + size > end) {
    file.fail(`expected a list of files of at most ${Math.min(MOST_LIST_BYTES, end)} bytes, found ${size}`, offset);
  }
  const bytes = file.read(offset, size);
  const view = viewOf(bytes);
  const entries = new Map<string, ZipEntry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > size || view.getUint32(at, true) !== CENTRAL_MAGIC) {
      file.fail(`expected entry ${i} of ${count} in the list of files, found other bytes`, offset + at);
    }
    const nameLength = view.getUint16(at + 28, true);
    const extraStart = at + CENTRAL_BYTES + nameLength;
    const next = extraStart + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > size) file.fail(`expected entry ${i} to end within the list of files, found it longer`, offset + at);
    const name = decodeUtf8(bytes.slice(at + CENTRAL_BYTES, extraStart)) ??
      file.fail("expected a name in UTF-8, found other bytes", offset + at + CENTRAL_BYTES);
    const wide = wideNumbers(view, extraStart, extraStart + view.getUint16(at + 30, true));
    // in this order, and only those that do not fit
    const number = (place: number) => {
      const value = view.getUint32(place, true);
      return value === IN_EXTRA ? wide.shift() ?? file.fail("expected a 64-bit size, found none", offset + at) : value;
    };
    const unpacked = number(at + 24), packed = number(at + 20), headerOffset = number(at + 42);
    const encrypted = (view.getUint16(at + 8, true) & 1) !== 0;
    const stored = view.getUint16(at + 10, true) === 0 && packed === unpacked && !encrypted;
    if (entries.has(name)) file.fail(`expected every name once, found ${name} twice`, offset + at);
    entries.set(name, { name, size: packed, stored, checksum: view.getUint32(at + 16, true), headerOffset });
    at = next;
  }
  return entries;
}

/** Where the list of files lies: by the record at the archive's end, or its 64-bit form. */
function findList(file: ByteFile): { count: number; offset: number; size: number; end: number } {
  const tailStart = Math.max(0, file.size - END_BYTES - LONGEST_COMMENT);
  const tail = viewOf(file.read(tailStart, file.size - tailStart));
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && !(tail.getUint32(at, true) === END_MAGIC && endsThere(tail, at))) at--;
  if (at < 0) file.fail("expected the end of a zip archive, found none", file.size, CUT_SHORT);
  const end = tailStart + at;
  const locator = at - LOCATOR_BYTES;
  if (locator >= 0 && tail.getUint32(locator, true) === LOCATOR_MAGIC) {
    const place = Number(tail.getBigUint64(locator + 8, true));
    if (place > end - LOCATOR_BYTES - END64_BYTES) {
      file.fail(
        `expected the 64-bit end record before byte ${end}, found it said to be at ${place}`,
        end - LOCATOR_BYTES,
      );
    }
    const record = viewOf(file.read(place, END64_BYTES));
    if (record.getUint32(0, true) !== END64_MAGIC) file.fail("expected a 64-bit end record, found other bytes", place);
    const [count, size, offset] = [32, 40, 48].map((byte) => Number(record.getBigUint64(byte, true)));
    return { count, offset, size, end: place };
  }
  return {
    count: tail.getUint16(at + 10, true),
    size: tail.getUint32(at + 12, true),
    offset: tail.getUint32(at + 16, true),
    end,
  };
}

function endsThere(tail: DataView, at: number): boolean {
  return tail.getUint16(at + 20, true) === tail.byteLength - at - END_BYTES;
}

/** The numbers of the 64-bit extra field. */
function wideNumbers(view: DataView, from: number, to: number): number[] {
  for (let at = from; at + 4 <= to;) {
    const start = at + 4;
    const end = start + view.getUint16(at + 2, true);
    if (end > to) return [];
    if (view.getUint16(at, true) === 1) {
      return Array.from(
        { length: Math.floor((end - start) / 8) },
        (_, i) => Number(view.getBigUint64(start + 8 * i, true)),
      );
    }
    at = end;
  }
  return [];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hex(checksum: number): string {
  return `0x${checksum.toString(16).padStart(8, "0")}`;
}
