/**
 * A text as a cell of a CSV file. A spreadsheet takes what begins with = + - @ for a formula: a quote before it makes it text.
 *
 * @example
 * ```ts
 * import { csvCell } from "./csv_cell.ts";
 *
 * console.assert([csvCell("a, b"), csvCell("=1+1"), csvCell("-2")].join() === `"a, b",'=1+1,-2`);
 * ```
 */
export function csvCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
