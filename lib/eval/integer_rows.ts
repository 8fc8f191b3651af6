import { ByteFile } from "../data/byte_file.ts";
import { InputError } from "../errors.ts";

const CHUNK_BYTES = 1 << 22;
const LARGEST = 2 ** 31 - 1;
const LINE_FEED = 10, ZERO = 48, NINE = 57;
/** Space, tab, carriage return, comma. */
const BETWEEN = new Set([32, 9, 13, 44]);

/**
 * Reads a text file of whole numbers, `columns` to a line, as one array per column: sixteen million lines in a second or two, without a
 * string for any of them. Numbers are 0 … 2^31-1, with white space or a comma between; empty lines are skipped.
 *
 * @throws {InputError} naming file and line: another count of numbers, or what is none.
 *
 * @example
 * ```ts
 * import { readIntegerRows } from "./integer_rows.ts";
 *
 * const path = Deno.makeTempFileSync();
 * Deno.writeTextFileSync(path, "1 11065 1\n1 11066 0\n");
 * console.assert(readIntegerRows(path, 3, "two templates and a label")[1].join() === "11065,11066");
 * Deno.removeSync(path);
 * ```
 */
export function readIntegerRows(path: string, columns: number, what: string): Int32Array<ArrayBuffer>[] {
  using file = ByteFile.open(path, "read the list");
  let result = Array.from({ length: columns }, () => new Int32Array(1024));
  let rows = 0, line = 1, column = 0, value = -1;
  const fail = (found: string) => {
    throw new InputError(
      `Cannot read the list ${path}: expected ${what} on line ${line}, found ${found}; mend the line`,
    );
  };
  const endNumber = () => {
    if (value < 0) return;
    if (column === columns) fail(`more than ${columns} numbers`);
    result[column++][rows] = value;
    value = -1;
  };
  const grow = () => {
    // as many as the file will have if it goes on as it began, at least half as many again
    const size = Math.max(
      Math.ceil(rows * 1.5),
      Math.min(2 ** 28, Math.ceil(file.size / Math.max(1, position / rows))),
    );
    result = result.map((old) => {
      const larger = new Int32Array(size);
      larger.set(old);
      return larger;
    });
  };
  const endLine = () => {
    endNumber();
    if (column !== 0) {
      if (column !== columns) fail(`${column} numbers`);
      column = 0;
      if (++rows === result[0].length) grow();
    }
    line++;
  };
  const chunk = new Uint8Array(Math.min(CHUNK_BYTES, file.size));
  let position = 0;
  for (let start = 0; start < file.size; start += chunk.length) {
    const bytes = chunk.subarray(0, Math.min(chunk.length, file.size - start));
    file.readInto(start, bytes);
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i];
      if (byte >= ZERO && byte <= NINE) {
        value = (value < 0 ? 0 : value * 10) + byte - ZERO;
        if (value > LARGEST) fail(`a number above ${LARGEST}`);
      } else if (byte === LINE_FEED) {
        position = start + i + 1;
        endLine();
      } else if (BETWEEN.has(byte)) endNumber();
      else fail(JSON.stringify(String.fromCharCode(byte)));
    }
  }
  position = file.size;
  endLine();
  return result.map((numbers) => numbers.slice(0, rows));
}
