// deno-lint-ignore-file no-console -- a command prints
import { type Command, CommanderError } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";

/** Runs a tool's command line as the commands in cli/ run: a mistake of the user's is one line and exit code 2. */
export async function runTool(command: Command): Promise<void> {
  command.exitOverride().showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(text.trim().replace(/\s*\n\s*/g, " ") + "\n") });
  try {
    await command.parseAsync(Deno.args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) Deno.exit(error.exitCode === 0 ? 0 : 2);
    if (!(error instanceof InputError)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(2);
  }
}
