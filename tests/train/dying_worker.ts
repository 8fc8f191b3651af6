import { serveRank } from "../../lib/dist/serve_rank.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import type { TrainOptions } from "../../lib/train/options.ts";
import { trainRank } from "../../lib/train/train_rank.ts";

/** What the workers train, and which of them loses its device, ends itself or fails. */
export interface DyingInput {
  readonly options: TrainOptions;
  readonly rank: number;
  readonly how: "device" | "exit" | "error";
  /** Milliseconds after the first step. */
  readonly after: number;
}

serveRank<DyingInput>(async (rank) => {
  const { options, how, after } = rank.input;
  const { adapter, device } = await startWebGPU();
  const group = await rank.join(adapter);
  const die = () => {
    if (how === "device") device.destroy();
    else if (how === "exit") self.close();
    else throw new Error("it was to fail");
  };
  let begun = false;
  return await trainRank(options, {
    began: performance.now(),
    group,
    onStep: () => {
      if (begun || rank.rank !== rank.input.rank) return;
      begun = true;
      setTimeout(die, after);
    },
  });
});
