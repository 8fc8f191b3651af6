import { InputError } from "../errors.ts";
import { parseTrainOptions, type TrainOptions } from "./options.ts";
import { readOptionsFile } from "./options_file.ts";
import { presetOptions } from "./presets.ts";

/** Where options come from; each wins over those named after it. */
export interface OptionSources {
  /** Given one by one, as on the command line. */
  flags?: Partial<TrainOptions>;
  /** A YAML file. */
  config?: string;
  /** The name of a preset. */
  preset?: string;
}

/**
 * All options of a run: flags over option file over preset over defaults.
 *
 * With `resume` the options of that run (its hparam.yaml) stand in the place of preset and defaults. Without data and
 * without a preset it is the demo: `data` stays undefined, and synthetic faces are made on the spot.
 *
 * @throws {InputError} if one is unknown or of another type, if a file cannot be read, or if a preset lacks its data.
 *
 * @example
 * ```ts
 * import { resolveTrainOptions } from "./resolve_options.ts";
 *
 * const options = resolveTrainOptions({ preset: "ms1mv2", flags: { data: "data/faces_emore", batchSize: 256 } });
 * console.assert(options.batchSize === 256 && options.endEpoch === 25);
 * ```
 */
export function resolveTrainOptions({ flags = {}, config, preset }: OptionSources = {}): TrainOptions {
  const given = { ...config === undefined ? {} : readOptionsFile(config), ...present(flags) };
  if (given.resume !== undefined) {
    if (preset !== undefined) {
      throw new InputError(
        `Cannot use preset ${preset} with resume: expected one of them; a resumed run has its own options`,
      );
    }
    return parseTrainOptions({ ...readOptionsFile(`${given.resume}/hparam.yaml`), ...given });
  }
  if (preset !== undefined && preset !== "demo" && given.data === undefined) {
    presetOptions(preset); // a wrong name is the first thing to mend
    throw new InputError(
      `Cannot use preset ${preset} without data: expected a folder with train.rec; give --data FOLDER`,
    );
  }
  const base = preset ?? (given.data === undefined ? "demo" : undefined);
  return parseTrainOptions({ ...base === undefined ? {} : presetOptions(base), ...given });
}

function present(options: Partial<TrainOptions>): Partial<TrainOptions> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
