import { GroupFailure } from "../dist/group_failure.ts";
import { localRank } from "../dist/local_rank.ts";
import { MpiGroup } from "../dist/mpi_group.ts";
import { InputError } from "../errors.ts";
import { adapterSeats, seatOfLocalRank } from "../gpu/adapter_seats.ts";
import { adapterMismatch, chooseAdapters } from "../gpu/choose_adapters.ts";
import { startWebGPU } from "../gpu/start_webgpu.ts";
import type { TrainOptions } from "./options.ts";
import { warningsOnly } from "./progress.ts";
import { type TrainHooks, trainRank, type TrainResult } from "./train_rank.ts";
import { withAdvice } from "./train_by_workers.ts";

/**
 * Trains as one of the processes that `mpirun` or `srun` started, each on an adapter of its machine: by default the first process of a
 * machine on the first, the second on the second. Only the first of all shows progress.
 */
export async function trainByMpi(options: TrainOptions, hooks: TrainHooks, began: number): Promise<TrainResult> {
  const { writer } = hooks;
  const { adapters, workersPerAdapter, distTimeout } = options;
  const local = localRank();
  const chosen = adapters ?? (local === undefined || workersPerAdapter > 1 ? undefined : "all");
  let complaint: string | undefined;
  if (chosen !== undefined) {
    const seat = seatOfLocalRank(adapterSeats(chooseAdapters(chosen), workersPerAdapter), local ?? 0);
    const restore = seat.select();
    try {
      complaint = adapterMismatch(seat.listed, (await startWebGPU()).adapter);
    } finally {
      restore();
    }
  } else await startWebGPU();
  const group = await MpiGroup.join({ timeout: distTimeout });
  const isFirst = group.rank === 0;
  let folder: string | undefined;
  try {
    if (complaint !== undefined) throw new InputError(`Cannot train as rank ${group.rank}: ${complaint}`);
    const result = await trainRank(options, {
      ...hooks,
      began,
      group,
      writer: isFirst ? writer : warningsOnly((text) => writer?.write(`worker ${group.rank}: ${text}`)),
      onStep: isFirst ? hooks.onStep : undefined,
      onFolder: (found) => folder = found,
    });
    await group.close();
    return result;
  } catch (error) {
    if (error instanceof GroupFailure) throw withAdvice(error, folder);
    await group.fail(error instanceof Error ? error.message : String(error));
    throw error;
  }
}
