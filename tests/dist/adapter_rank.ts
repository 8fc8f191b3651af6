import { averageOnAdapter, loadedDrivers } from "./adapter_step.ts";
import { serveRank } from "../../lib/dist/serve_rank.ts";
import { startWebGPU } from "../../lib/gpu/start_webgpu.ts";

serveRank<{ count: number; lose?: number }>(async (rank) => {
  const { adapter, device } = await startWebGPU();
  const { name, vendor, device: number } = adapter;
  const group = await rank.join({ name, vendor, device: number, loaded: loadedDrivers() });
  const averaged = await averageOnAdapter(group, rank.input.count);
  if (rank.input.lose === rank.rank) device.destroy();
  if (rank.input.lose !== undefined) { for (;;) await group.barrier(); }
  return averaged;
});
