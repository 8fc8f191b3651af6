import { serveRank } from "../../lib/dist/serve_rank.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";
import { takeSteps, type TogetherTask } from "./together_steps.ts";

serveRank<TogetherTask>(async (rank) => {
  const gpu = await startWebGPU();
  return takeSteps(gpu, await rank.join(gpu.adapter.name), rank.input);
});
