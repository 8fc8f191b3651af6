// deno-lint-ignore-file no-console -- a command prints
/** What every command shares: how it starts, how a mistake is printed, how it exits. */
import { CommanderError } from "../lib/deps/commander.ts";
import { GroupFailure } from "../lib/dist/group_failure.ts";
import { InputError } from "../lib/errors.ts";

/** Exit code of a mistake in what the user gave. */
export const EXIT_INPUT = 2;

/**
 * Runs a command's body. An InputError becomes one line on standard error and exit code 2, a worker's failure one line and
 * exit code 1; any other error is a defect of ours and keeps its stack, with exit code 1. `exit` ends the process.
 */
export async function runCommand(
  body: () => Promise<void> | void,
  exit: (code: number) => never = Deno.exit,
): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof CommanderError) exit(error.exitCode === 0 ? 0 : EXIT_INPUT);
    if (error instanceof InputError) {
      console.error(`error: ${error.message}`);
      exit(EXIT_INPUT);
    }
    // A machine's failure, not the user's mistake and not ours.
    console.error(error instanceof GroupFailure ? `error: ${error.message}` : error);
    exit(1);
  }
}
