import { InputError } from "../errors.ts";
import { ioError } from "./io_error.ts";

/** What a face training set's `property` file says. */
export interface Property {
  /** Number of classes. */
  classes: number;
  /** Height of the images in pixels. */
  height: number;
  /** Width of the images in pixels. */
  width: number;
}

/** A property file is a line: what is longer is none. */
const LIMIT_BYTES = 4096;

/**
 * Reads `property`: one line `classes,height,width`.
 *
 * @returns undefined where there is no such file.
 * @throws {InputError} for any other content, or zero classes.
 */
export function readProperty(path: string): Property | undefined {
  let text: string;
  try {
    if (Deno.statSync(path).size > LIMIT_BYTES) throw badProperty(path, `more than ${LIMIT_BYTES} bytes`);
    text = Deno.readTextFileSync(path).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw ioError("read", path, error);
  }
  const match = text.match(/^(\d{1,9})\s*,\s*(\d{1,5})\s*,\s*(\d{1,5})$/);
  if (match === null) throw badProperty(path, JSON.stringify(text.slice(0, 40)));
  const [classes, height, width] = match.slice(1).map(Number);
  if (classes === 0) throw badProperty(path, "zero classes");
  if (height === 0 || width === 0) throw badProperty(path, `images of ${height}x${width}`);
  return { classes, height, width };
}

/** The content of a `property` file. */
export function formatProperty({ classes, height, width }: Property): string {
  return `${classes},${height},${width}\n`;
}

function badProperty(path: string, found: string): InputError {
  return new InputError(
    `Cannot read ${path}: expected "classes,height,width", each at least 1, found ${found}; correct the file`,
  );
}
