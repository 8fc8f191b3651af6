import assert from "node:assert/strict";

/** How a command ended. */
export interface Outcome {
  code: number;
  out: string;
  error: string;
}

/** Without a runtime folder the software adapter's driver prints a line of its own. */
export const COMMAND_ENV = { NO_COLOR: "1", XDG_RUNTIME_DIR: Deno.env.get("XDG_RUNTIME_DIR") ?? "/tmp" };

/** The file of a command in cli/. */
export function commandPath(command: string): string {
  return new URL(`../../cli/${command}.ts`, import.meta.url).pathname;
}

/** A command in cli/, to run as a user would. deno itself is quiet: all that is read is what the command prints. */
export function commandOf(
  command: string,
  args: readonly string[],
  { env, stdout = "piped", stderr = "piped" }: Omit<Deno.CommandOptions, "args"> = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", commandPath(command), ...args],
    env: { ...COMMAND_ENV, ...env },
    stdout,
    stderr,
  });
}

/** Runs a program to its end. */
export function outcomeOf(program: Deno.Command): Outcome {
  const { code, stdout, stderr } = program.outputSync();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

/** Runs a command in cli/ to its end. */
export function run(command: string, ...args: string[]): Outcome {
  return outcomeOf(commandOf(command, args));
}

/** A mistake is one line on standard error and exit code 2. */
export function refused({ code, out, error }: Outcome, message: RegExp): void {
  assert.match(error, message);
  assert.equal(error.match(/\n/g)?.length, 1, error);
  assert.deepEqual([code, out], [2, ""]);
}
