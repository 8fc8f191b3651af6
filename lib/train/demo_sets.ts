import { writeSyntheticFaces } from "../data/synthetic_faces.ts";
import type { TrainOptions } from "./options.ts";
import { DEMO_FACES } from "./presets.ts";

/** The demo's training set and verification sets, made at the first run and found there by the next ones. */
export async function demoSets(
  options: TrainOptions,
  say: (text: string) => void,
): Promise<{ data: string; val: string[] }> {
  const folder = `${options.workDir}/synthetic_faces`;
  say(
    `faces     ${DEMO_FACES.people} synthetic people to train on, ${DEMO_FACES.verificationPeople} others to verify on, in ${folder}`,
  );
  await writeSyntheticFaces(folder, DEMO_FACES);
  return { data: folder, val: [folder] };
}
