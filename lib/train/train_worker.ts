import { serveRank } from "../dist/serve_rank.ts";
import { startWebGPU } from "../gpu/start_webgpu.ts";
import { type ProgressWriter, warningsOnly } from "./progress.ts";
import { trainRank } from "./train_rank.ts";
import type { FromTrainWorker, ToTrainWorker, TrainWorkerInput } from "./train_worker_messages.ts";

/** A worker that trains on one adapter: see {@linkcode trainByWorkers}. */
serveRank<TrainWorkerInput, ToTrainWorker>(async (rank) => {
  const { options, isTerminal, columns, elapsed } = rank.input;
  const began = performance.now() - elapsed;
  const stop = new AbortController();
  rank.onMessage = () => stop.abort();
  const post = (message: FromTrainWorker) => rank.post(message);
  const { adapter } = await startWebGPU();
  const group = await rank.join(adapter);
  const first: ProgressWriter = { write: (text) => post({ kind: "text", text }), isTerminal, columns };
  const others = warningsOnly((text) => post({ kind: "warning", text: text.trimEnd() }));
  return await trainRank(options, {
    writer: rank.rank === 0 ? first : others,
    signal: stop.signal,
    began,
    group,
    ...rank.rank === 0 && {
      onStep: (reading) => post({ kind: "step", reading }),
      onFolder: (folder: string) => post({ kind: "folder", folder }),
    },
  });
});
