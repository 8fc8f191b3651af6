import { GroupFailure } from "../dist/group_failure.ts";
import { launchRanks, type Seat } from "../dist/launch_ranks.ts";
import type { AdapterFacts } from "../gpu/adapter.ts";
import { adapterSeats } from "../gpu/adapter_seats.ts";
import { adapterMismatch, chooseAdapters } from "../gpu/choose_adapters.ts";
import type { TrainOptions } from "./options.ts";
import type { TrainHooks, TrainResult } from "./train_rank.ts";
import type { FromTrainWorker, ToTrainWorker, TrainWorkerInput } from "./train_worker_messages.ts";

/** Trains on several adapters of this machine, a worker on each. */
export async function trainByWorkers(options: TrainOptions, hooks: TrainHooks, began: number): Promise<TrainResult> {
  const { writer = { write: () => {}, isTerminal: false }, signal, onStep } = hooks;
  const { adapters, workersPerAdapter } = options;
  signal?.throwIfAborted();
  // Where none is asked for, the one that WebGPU offers: it need not be selected.
  const seats: (Seat & Partial<ReturnType<typeof adapterSeats>[number]>)[] = adapters === undefined
    ? Array.from({ length: workersPerAdapter }, () => ({ adapter: "the adapter that WebGPU offers" }))
    : adapterSeats(chooseAdapters(adapters), workersPerAdapter);
  let folder: string | undefined;
  const input: TrainWorkerInput = {
    options,
    isTerminal: writer.isTerminal,
    columns: writer.columns,
    elapsed: performance.now() - began,
  };
  using run = launchRanks<TrainResult, FromTrainWorker>(new URL("./train_worker.ts", import.meta.url), {
    seats,
    input,
    timeout: options.distTimeout,
    confirm: (rank, found) => {
      const { listed } = seats[rank];
      return listed && adapterMismatch(listed, found as AdapterFacts);
    },
    onMessage: (rank, message) => {
      if (message.kind === "text") writer.write(message.text);
      else if (message.kind === "warning") {
        writer.write(`${writer.isTerminal ? "\r\x1b[2K" : ""}worker ${rank}: ${message.text}\n`);
      } else if (message.kind === "folder") folder = message.folder;
      else onStep?.(message.reading);
    },
  });
  const stop = () => run.post({ kind: "stop" } satisfies ToTrainWorker);
  signal?.addEventListener("abort", stop);
  try {
    const [result] = await run.results;
    return result;
  } catch (error) {
    throw error instanceof GroupFailure ? withAdvice(error, folder, seats[error.rank]?.adapter) : error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** The failure, and how to go on. */
export function withAdvice({ rank, reason }: GroupFailure, folder: string | undefined, adapter?: string): GroupFailure {
  const advice = folder === undefined
    ? ""
    : `; checkpoints are whole: go on from the last with --resume ${folder}, on as many workers as there are`;
  return new GroupFailure(rank, reason + advice, adapter);
}
