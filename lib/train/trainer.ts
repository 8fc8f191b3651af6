import type { TrainOptions } from "./options.ts";
import { resolveTrainOptions } from "./resolve_options.ts";
import { trainByMpi } from "./train_by_mpi.ts";
import { trainByWorkers } from "./train_by_workers.ts";
import { type TrainHooks, trainRank, type TrainResult } from "./train_rank.ts";

export type { TrainHooks, TrainResult };

/**
 * Trains a model: from a training set, or synthetic faces where `data` is not given, to a run's folder with checkpoints,
 * logs and the best model. With `resume`, options that are not given are those of the run.
 *
 * @throws {InputError} (as a rejection) for whatever the user can mend: options, files, a machine without adapter, a loss
 * that is not finite any more.
 * @throws {GroupFailure} (as a rejection) if one of several workers fails: it says which, and why.
 *
 * @example
 * ```ts ignore
 * import { train } from "./trainer.ts";
 *
 * const { model } = await train({ data: "faces_emore", val: ["faces_emore/lfw.bin"], batchSize: 128 });
 * console.log(model);
 * ```
 */
export function train(given: Partial<TrainOptions> = {}, hooks: TrainHooks = {}): Promise<TrainResult> {
  return trainWith(given, hooks, performance.now());
}

async function trainWith(given: Partial<TrainOptions>, hooks: TrainHooks, began: number): Promise<TrainResult> {
  const options = resolveTrainOptions({ flags: given });
  if (options.dist === "mpi") return await trainByMpi(options, hooks, began);
  const hasWorkers = options.adapters !== undefined || options.workersPerAdapter > 1;
  return await (hasWorkers ? trainByWorkers(options, hooks, began) : trainRank(options, { ...hooks, began }));
}
