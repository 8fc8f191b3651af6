import { removeLeftovers } from "../data/atomic_file.ts";
import { ioError } from "../data/io_error.ts";
import { InputError } from "../errors.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoint.ts";

/** The checkpoint after `step` steps: names sort as the steps do. */
export function checkpointPath(folder: string, step: number): string {
  return `${folder}/checkpoint_${String(step).padStart(10, "0")}.safetensors`;
}

/**
 * Names of the checkpoints in a run's folder, oldest first.
 *
 * @throws {InputError} if there is no such folder.
 */
export function checkpointNames(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => /^checkpoint_\d{10,}\.safetensors$/.test(name))
      .sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  } catch (error) {
    throw ioError("resume the run in", folder, error);
  }
}

/**
 * The newest whole checkpoint of a run's folder; undefined if no checkpoint was written yet. Damaged ones are named through
 * `warn` and passed over: the one before it is taken, and they are set aside under another name, so that they neither
 * count as the newest again nor push out good ones. For the process that has the folder to itself.
 *
 * @throws {InputError} if all are damaged.
 */
export function newestCheckpoint(folder: string, warn: (text: string) => void): Checkpoint | undefined {
  removeLeftovers(folder, { exclusive: true });
  const names = checkpointNames(folder).reverse();
  const damaged: string[] = [];
  for (const name of names) {
    const path = `${folder}/${name}`;
    let checkpoint: Checkpoint;
    try {
      checkpoint = readCheckpoint(path);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      warn(`warning   ${error.message}; trying the one before it`);
      damaged.push(path);
      continue;
    }
    for (const one of damaged) setAside(one);
    return checkpoint;
  }
  if (damaged.length === 0) return undefined;
  throw new InputError(
    `Cannot resume ${folder}: expected a whole checkpoint, found ${damaged.length}, all damaged; start a new run`,
  );
}

/** Removes all but the newest `keep` checkpoints. */
export function pruneCheckpoints(folder: string, keep: number): void {
  for (const name of checkpointNames(folder).slice(0, -keep)) {
    try {
      Deno.removeSync(`${folder}/${name}`);
    } catch (error) {
      throw ioError("remove", `${folder}/${name}`, error);
    }
  }
}

function setAside(path: string): void {
  try {
    Deno.renameSync(path, `${path}.damaged`);
  } catch (error) {
    throw ioError("set aside", path, error);
  }
}
