import { InputError } from "../../lib/errors.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { checkBackbone } from "./check_backbone.ts";
import { checkHead } from "./check_head.ts";
import { checkIjb } from "./check_ijb.ts";
import { checkPairs } from "./check_pairs.ts";
import { type GoldenFile, type GoldenKind, readGoldenFile } from "./golden_file.ts";
import type { ParityRow } from "./parity_row.ts";

/** Golden files of one folder, in the order of their names, each recognised by its content. */
export function goldenFiles(folder: string, only?: GoldenKind): GoldenFile[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].flatMap(({ name }) => name.endsWith(".json") ? [name] : []).sort();
  } catch (error) {
    throw new InputError(
      `Cannot check parity with ${folder}: expected a folder of golden files; ${(error as Error).message}`,
    );
  }
  const files = names.map((name) => readGoldenFile(`${folder.replace(/\/+$/, "")}/${name}`))
    .filter((file) => file !== undefined)
    .filter(({ kind }) => only === undefined || kind === only);
  if (files.length === 0) {
    const what = only === undefined ? "golden files" : `golden files of kind ${only}`;
    throw new InputError(
      `Cannot check parity with ${folder}: expected ${what} (.json), found none among ${names.length} .json files`,
    );
  }
  return files;
}

/** Compares everything in a golden file with what we compute; a row per quantity. */
export async function checkGoldenFile(file: GoldenFile): Promise<ParityRow[]> {
  switch (file.kind) {
    case "head":
      return await checkHead(await startWebGPU(), file.value);
    case "backbone":
      return await checkBackbone(await startWebGPU(), file.value);
    case "pairs":
      return checkPairs(file.value);
    case "ijb":
      return checkIjb(file.value);
  }
}
