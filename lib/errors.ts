/**
 * A mistake in what the user gave: a file, an option, a value.
 *
 * The message is one line: what was being done, which file and place, what was expected, what was found, what to do.
 * The command line prints it without a stack trace and exits with code 2.
 *
 * @example
 * ```ts
 * import { InputError } from "./errors.ts";
 *
 * const error = new InputError("Cannot open training set: expected a .rec file, found nothing at ./train.rec");
 * console.assert(error instanceof Error);
 * ```
 */
export class InputError extends Error {
  /** Tells it from other errors in prints. */
  override name = "InputError";
}
