import { InputError } from "../errors.ts";

/** What the operating system's error codes mean to a user, and what to do. */
const REASONS: Record<string, string> = {
  ENOENT: "no such file or folder; check the path",
  EACCES: "permission denied; choose another place or change the permissions",
  EPERM: "permission denied; choose another place or change the permissions",
  EROFS: "the file system is read-only; choose another place",
  ENOSPC: "no space left on the device; free some space or choose another place",
  EDQUOT: "the disk quota is used up; free some space or choose another place",
  EFBIG: "the file would be larger than the file system or the limit allows; choose another place",
  EISDIR: "expected a file, found a folder; name a file",
  ENOTDIR: "a part of the path is a file, not a folder; check the path",
  ENAMETOOLONG: "the name is too long; choose a shorter one",
  EEXIST: "it exists already; choose another name or give --force",
  EMFILE: "too many open files; raise the limit with ulimit -n",
  EIO: "the device reports a read or write error; check the disk",
  ENXIO: "the device is not there; check the path",
};

/** Codes of Deno's error classes that carry no `code` of their own. */
const CLASSES: [new (message: string) => Error, string][] = [
  [Deno.errors.NotFound, "ENOENT"],
  [Deno.errors.PermissionDenied, "EACCES"],
  [Deno.errors.AlreadyExists, "EEXIST"],
  [Deno.errors.IsADirectory, "EISDIR"],
  [Deno.errors.NotADirectory, "ENOTDIR"],
];

/** Codes that Deno reports by number only (Linux and macOS agree on the first four). */
const NUMBERS: Record<string, string> = {
  5: "EIO",
  27: "EFBIG",
  28: "ENOSPC",
  30: "EROFS",
  36: "ENAMETOOLONG",
  122: "EDQUOT",
};

/**
 * Turns what the operating system refused into one line a user can act on. Anything else (a defect of ours, an
 * InputError) is handed back as it is, so `throw ioError("write", path, error)` is always right in a catch.
 *
 * `action` completes "Cannot …": "write", "read pair set".
 *
 * @example
 * ```ts
 * import { ioError } from "./io_error.ts";
 *
 * const error = ioError("read", "faces.bin", new Deno.errors.NotFound("os error 2"));
 * console.assert((error as Error).message === "Cannot read faces.bin: no such file or folder; check the path");
 * ```
 */
export function ioError(action: string, path: string, error: unknown): unknown {
  if (error instanceof InputError || !(error instanceof Error)) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new InputError(`Cannot ${action} ${path}: Deno was not allowed to; run with -A or allow this path`);
  }
  const code = codeOf(error);
  if (code === undefined) return error;
  return new InputError(`Cannot ${action} ${path}: ${REASONS[code] ?? error.message.split("\n", 1)[0]}`, {
    cause: error,
  });
}

/** The system's name for an error, or its number where it is one of the many that have no name in `REASONS`. */
function codeOf(error: Error): string | undefined {
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && /^E[A-Z0-9]+$/.test(code)) return code;
  const number = /\(os error (\d+)\)/.exec(error.message)?.[1];
  return CLASSES.find(([kind]) => error instanceof kind)?.[1] ?? (number && (NUMBERS[number] ?? number));
}
