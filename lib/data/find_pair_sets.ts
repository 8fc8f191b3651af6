import { InputError } from "../errors.ts";

/**
 * The .bin files that paths name: files themselves, and every .bin in a folder, in order of name.
 *
 * @throws {InputError} if a path is not there or a folder holds no .bin.
 *
 * @example
 * ```ts
 * import { findPairSets } from "./find_pair_sets.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * for (const name of ["lfw.bin", "agedb_30.bin", "train.rec"]) Deno.writeTextFileSync(`${folder}/${name}`, "");
 * console.assert(findPairSets([folder]).join() === `${folder}/agedb_30.bin,${folder}/lfw.bin`);
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function findPairSets(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    let info: Deno.FileInfo;
    try {
      info = Deno.statSync(path);
    } catch {
      throw new InputError(
        `Cannot open verification set ${path}: expected a .bin file or a folder of them, found nothing there`,
      );
    }
    if (!info.isDirectory) return [path];
    const found = [...Deno.readDirSync(path)].filter(({ isDirectory, name }) => !isDirectory && name.endsWith(".bin"))
      .map(({ name }) => `${path.replace(/(?<=.)\/+$/, "")}/${name}`).sort();
    if (found.length === 0) {
      throw new InputError(`Cannot open verification sets in ${path}: expected .bin files, found none`);
    }
    return found;
  });
}
