import { writeFileAtomic } from "../data/atomic_file.ts";
import * as z from "../deps/zod.ts";
import { InputError } from "../errors.ts";
import { choiceName } from "../gpu/conv_choice.ts";
import { type AskedPass, ConvChoices } from "../gpu/conv_choices.ts";
import type { Gpu } from "../gpu/start_webgpu.ts";
import { tune } from "../gpu/tuner.ts";
import { askedPasses } from "../nn/asked_passes.ts";
import type { Backbone } from "../nn/backbone.ts";
import type { TrainOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { TuningCache, tuningCachePath } from "./tuning_cache.ts";

/** What of a run decides how its convolutions are computed. */
export interface TuningSetup {
  readonly gpu: Gpu;
  readonly backbone: Backbone;
  readonly options: TrainOptions;
  /** The run's folder. */
  readonly folder: string;
  readonly progress: Progress;
}

/** What a run chose for every pass, by the pass's key. */
const chosenSchema = z.record(z.string(), z.string());

/**
 * Decides how each convolution of a run is computed, and writes it to kernels.json in the run's folder: a run that is resumed takes up
 * what it began with, since another choice rounds otherwise.
 *
 * With `tune` "off" every pass has its default; "cached" takes what an earlier tuning on this machine found; "full" times what is not
 * known yet. Batches of another size than the usual one, such as an epoch's last, have defaults.
 *
 * @throws {InputError} if kernels.json is none, or the cache cannot be written.
 */
export async function tuneRun(setup: TuningSetup, signal?: AbortSignal): Promise<void> {
  const { gpu, backbone, options, folder, progress } = setup;
  const passes = askedPasses(gpu, backbone, Math.ceil(options.batchSize / options.accumulate));
  const path = `${folder}/kernels.json`;
  if (takeUp(gpu.choices, passes, path)) return;
  const { tune: how, tuneCache = tuningCachePath() } = options;
  if (how !== "off") {
    const cache = tuneCache === undefined ? undefined : await TuningCache.open(tuneCache, gpu.adapter);
    if (cache?.problem) progress.line(`warning   ${cache.problem}`);
    const unknown = cache ? cache.apply(gpu.choices, passes) : passes;
    if (how === "full" && unknown.length > 0) {
      const found = await tune(gpu, unknown, {
        signal,
        report: (done, total, name) =>
          progress.update({ doing: done < total ? `tuning ${done + 1}/${total}: ${name}` : "" }),
      });
      cache?.add(found);
      const left = unknown.length - found.length;
      progress.line(
        `tuned     ${found.length} of ${passes.length} convolutions` +
          (left > 0 ? `; time was up for ${left}, the least of them: they keep their defaults` : ""),
      );
    }
  }
  const chosen = passes.map(({ layer, pass }) => [
    ConvChoices.key(layer, pass),
    choiceName(gpu.choices.of(layer, pass)),
  ]);
  const text = JSON.stringify(Object.fromEntries(chosen), undefined, 1);
  writeFileAtomic(path, new TextEncoder().encode(text + "\n"), { force: true });
}

/** Takes up what another worker of the run chose, if it is to be found; else everything has its default. */
export function takeUpTuning({ gpu, backbone, options, folder }: Omit<TuningSetup, "progress">): void {
  const passes = askedPasses(gpu, backbone, Math.ceil(options.batchSize / options.accumulate));
  takeUp(gpu.choices, passes, `${folder}/kernels.json`);
}

/** Takes up what kernels.json says; false if there is none, as in a run's first part. */
function takeUp(choices: ConvChoices, passes: readonly AskedPass[], path: string): boolean {
  let chosen: z.output<typeof chosenSchema>;
  try {
    chosen = chosenSchema.parse(JSON.parse(Deno.readTextFileSync(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new InputError(
      `Cannot read ${path}: expected names of convolutions, found something else; without that file the run goes on with defaults`,
    );
  }
  for (const { layer, pass } of passes) {
    const name = chosen[ConvChoices.key(layer, pass)];
    if (name !== undefined) choices.setByName(layer, pass, name);
  }
  return true;
}
