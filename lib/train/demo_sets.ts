import { writeSyntheticFaces } from "../data/synthetic_faces.ts";
import type { TrainOptions } from "./options.ts";
import { DEMO_FACES } from "./presets.ts";
import type { Progress } from "./progress.ts";

/**
 * The demo's training set and verification sets, in `synthetic_faces` of the folder for runs: made at the first run and found
 * there by the next ones.
 *
 * @throws {InputError} if the folder cannot be written to; the signal's reason if it is aborted.
 */
export async function demoSets(
  options: Pick<TrainOptions, "workDir">,
  progress: Progress,
  signal?: AbortSignal,
): Promise<{ data: string; val: string[] }> {
  const folder = `${options.workDir}/synthetic_faces`;
  const { people, verificationPeople } = DEMO_FACES;
  progress.line(
    `faces     ${people} synthetic people to train on, ${verificationPeople} others to verify on, in ${folder}`,
  );
  await writeSyntheticFaces(folder, { ...DEMO_FACES, onProgress: () => signal?.throwIfAborted() });
  return { data: folder, val: [folder] };
}
