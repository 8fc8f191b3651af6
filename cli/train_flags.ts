import { Command, type CommanderError, Option } from "../lib/deps/commander.ts";
import { InputError } from "../lib/errors.ts";
import {
  flagName,
  keyName,
  nearestName,
  type OptionInfo,
  optionTable,
  readOptionText,
} from "../lib/train/option_table.ts";
import { checkTrainOptions, type TrainOptions } from "../lib/train/options.ts";
import { trainOptionsSchema } from "../lib/train/options_schema.ts";
import { PRESETS } from "../lib/train/presets.ts";
import type { OptionSources } from "../lib/train/resolve_options.ts";

const INTRODUCTION = `Trains a face-recognition model with center-bias adaptive margins on WebGPU.

Without --data it makes a small set of synthetic faces and trains on it.`;

const EXAMPLES = `
Examples:
  train.ts --data data/faces_emore --val data/faces_emore --preset ms1mv2
  train.ts --data data/faces_emore --model iresnet50 --batch-size 256 --accumulate 2
  train.ts --resume work_dirs/ms1mv2/exp1`;

/**
 * Reads the command line of `train`.
 *
 * `write` gets the help, when it is asked for; then a CommanderError with exit code 0 is thrown.
 *
 * @throws {InputError} in one line: an option that is unknown, with the nearest right name, or a value it cannot have.
 *
 * @example
 * ```ts
 * import { parseTrainFlags } from "./train_flags.ts";
 *
 * const { flags } = parseTrainFlags(["--batch-size", "64", "--lr-milestones", "4,6", "--no-flip"]);
 * console.assert(flags?.batchSize === 64 && flags.flip === false);
 * ```
 */
export function parseTrainFlags(args: string[], write?: (text: string) => void): OptionSources {
  const table = optionTable(trainOptionsSchema);
  const command = trainCommand(table, write);
  command.parse(args, { from: "user" });
  const typed = command.opts() as Record<string, string | string[] | boolean | undefined>;
  const values: Record<string, unknown> = {};
  for (const info of table) {
    const { stem, inverted } = switchOf(info);
    const value = typed[info.kind === "boolean" ? keyName(stem) : info.key];
    if (value === undefined) continue;
    if (info.kind === "boolean") values[info.key] = inverted ? !value : value;
    else values[info.key] = typeof value === "string" ? readOptionText(info.kind, value) : value;
  }
  return {
    flags: checkTrainOptions(values, (key) => `option --${flagName(key)}`) as Partial<TrainOptions>,
    config: typed.config as string | undefined,
    preset: typed.preset as string | undefined,
  };
}

/** The command with all its options, made from the schema. */
function trainCommand(table: OptionInfo[], write?: (text: string) => void): Command {
  const command = new Command("train").description(INTRODUCTION).addHelpText("after", EXAMPLES)
    .helpOption("-h, --help", "show this help")
    .configureOutput({ writeErr: () => {}, outputError: () => {}, ...write && { writeOut: write } })
    .configureHelp({ helpWidth: 110, showGlobalOptions: false })
    .exitOverride((error) => {
      if (error.exitCode === 0) throw error;
      throw new InputError(inOneLine(error, table));
    });
  command.addOption(
    new Option("--config <file.yaml>", "options by name in a YAML file; those given here win").helpGroup("Options:"),
  );
  command.addOption(
    new Option("--preset <name>", `options of a known run: ${Object.keys(PRESETS).join(", ")}`).helpGroup("Options:"),
  );
  for (const info of table) for (const option of optionsFor(info)) command.addOption(option);
  return command;
}

/** One commander option; for a switch two, of which the help shows the one that changes something. */
function optionsFor(info: OptionInfo): Option[] {
  const group = `${info.group}:`;
  if (info.kind === "boolean") {
    const { stem, inverted } = switchOf(info);
    const on = info.default === !inverted;
    const description = on === inverted || !on ? info.description : `do not ${info.description}`;
    return [`--${stem}`, `--no-${stem}`].map((flags, i) =>
      new Option(flags, inverted ? info.description : description).helpGroup(group).hideHelp((i === 0) === on)
    );
  }
  const value = info.choices
    ? "name"
    : { number: "n", numbers: "n,n", text: "path", texts: "path...", boolean: "" }[info.kind];
  const notes = [
    ...info.choices ? [`one of ${info.choices.join(", ")}`] : [],
    ...info.default === undefined || String(info.default) === "" ? [] : [`default: ${info.default}`],
  ];
  const description = `${info.description}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`;
  return [new Option(`--${info.flag} <${value}>`, description).helpGroup(group)];
}

/** How a switch is spelled: `--stem` and `--no-stem`. An option that says no itself (`noLog`) is the latter. */
function switchOf(info: OptionInfo): { stem: string; inverted: boolean } {
  const inverted = info.flag.startsWith("no-");
  return { stem: inverted ? info.flag.slice(3) : info.flag, inverted };
}

function inOneLine(error: CommanderError, table: OptionInfo[]): string {
  const quoted = /'([^']+)'/.exec(error.message)?.[1] ?? "";
  const option = quoted.split(" ")[0];
  if (error.code === "commander.unknownOption") {
    const names = ["--help", "--config", "--preset", ...table.map(({ key }) => key)];
    const nearest = nearestName(option.replace(/^--no-/, "--"), names);
    const flag = nearest?.startsWith("--") ? nearest : nearest && `--${flagName(nearest)}`;
    return `Cannot use option ${option}: no such option${flag ? `; did you mean ${flag}?` : ""} (--help lists them)`;
  }
  if (error.code === "commander.optionMissingArgument") {
    return `Cannot use option ${option}: expected a value after it, found none`;
  }
  return `Cannot read the command line: ${error.message.replace(/^error: /, "").split("\n")[0]}`;
}
